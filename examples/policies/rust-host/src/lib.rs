//! host-calls as a component in Rust: its request headers hook asks the host for one thing of every capability and puts
//! each answer into a header `x-<function>`, so that whoever reads them sees what arrived. What it asks about comes from
//! the request: the header `x-ask` names a key, the path is data.

use std::fmt::Debug;

wit_bindgen::generate!({
    inline: "
        package edict:host-calls;
        world host-calls {
            import edict:policy/log@0.1.0;
            import edict:policy/clock@0.1.0;
            import edict:policy/random@0.1.0;
            import edict:policy/feature-flags@0.1.0;
            import edict:policy/kv@0.1.0;
            import edict:policy/crypto@0.1.0;
            import edict:policy/metadata@0.1.0;
            import edict:policy/metrics@0.1.0;
            import edict:policy/resources@0.1.0;
            export edict:policy/guest@0.1.0;
        }
    ",
    path: "../../../wasm/wit",
    generate_all,
});

use edict::policy::types::{
    BodyMode, Chunk, ChunkChange, EndReason, ErrorCode, HeaderChanges, HeaderMode, Modes, Observations, PolicyError,
    PolicyInfo, RequestAction, RequestChanges, RequestInput, ResponseAction, ResponseChunkAction, ResponseInput, Scope,
};
use edict::policy::{clock, crypto, feature_flags, kv, log, metadata, metrics, random, resources};
use exports::edict::policy::guest::Guest;

type Pairs = Vec<(String, Vec<u8>)>;

struct HostCalls;

fn show(value: impl Debug) -> Vec<u8> {
    format!("{value:?}").into_bytes()
}

fn unsupported() -> PolicyError {
    PolicyError { code: ErrorCode::Unsupported, message: String::new() }
}

fn ask(key: &str, data: &[u8]) -> Pairs {
    let text = String::from_utf8_lossy(data);
    let mut answers: Pairs = Vec::new();
    let mut put = |name: &str, value: Vec<u8>| answers.push((format!("x-{name}"), value));
    log::write(log::Level::Warn, &format!("asked about {key}"));
    put("now", show(clock::now_ms()));
    put("monotonic", show(clock::monotonic_ms()));
    put("random", show(random::bytes(data.len() as u32 % 40)));
    put("flag", feature_flags::evaluate(key, feature_flags::Kind::Text, "\"none\"", None).into_bytes());
    put("flag-context", feature_flags::evaluate(key, feature_flags::Kind::Boolean, "false", Some("{\"a\":1}")).into_bytes());
    put("kv-set", show(kv::set("space", key, data, 1_000)));
    put("kv-get", show(kv::get("space", key)));
    put("kv-missing", show(kv::get("space", "nothing")));
    put("kv-increment", show(kv::increment("space", "count", 1.5, 0, true)));
    put("kv-cas", show(kv::compare_and_set("space", key, 9.0, data, 0)));
    put("kv-delete", show(kv::delete("space", key)));
    put("hash", show(crypto::hash("sha-256", data)));
    put("hmac", show(crypto::hmac("sha-256", key, data)));
    put("sign", show(crypto::sign("RS256", key, data)));
    put("verify", show(crypto::verify("RS256", key, data, &text.as_bytes())));
    put("equal", show(crypto::equal(key.as_bytes(), data)));
    put("metadata-set", show(metadata::set(key, "{\"seen\":true}")));
    put("metadata-get", show(metadata::get(key)));
    put("metadata-delete", show(metadata::delete(key)));
    put("resource", show(resources::get("kind", key)));
    metrics::add(1, 2.5);
    metrics::observe(2, -0.5);
    answers
}

impl Guest for HostCalls {
    fn plan(_info: PolicyInfo, _params_json: String) -> (Scope, String) {
        (Scope::PerRoute, String::new())
    }

    fn init(_info: PolicyInfo, _params_json: String) -> Result<(u32, Modes), PolicyError> {
        let modes = Modes {
            request_headers: HeaderMode::Process,
            request_body: BodyMode::Skip,
            response_headers: HeaderMode::Skip,
            response_body: BodyMode::Skip,
        };
        Ok((1, modes))
    }

    fn destroy(_handle: u32) {}

    fn on_request_headers(_handle: u32, input: RequestInput) -> Result<Option<RequestAction>, PolicyError> {
        let asked = input.head.headers.iter().find(|(name, _)| name == "x-ask");
        let key = asked.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default();
        let none = || HeaderChanges { set: Vec::new(), append: Vec::new(), remove: Vec::new() };
        Ok(Some(RequestAction::Changes(RequestChanges {
            headers: HeaderChanges { set: ask(&key, input.head.path.as_bytes()), ..none() },
            overlay: none(),
            path: None,
            host: None,
            method: None,
            upstream_name: None,
            upstream_slot: None,
            query_add: Vec::new(),
            query_set: Vec::new(),
            query_remove: Vec::new(),
            body: None,
            auth: None,
            observe: Observations {
                analytics_json: None,
                dynamic_metadata_json: None,
                analytics_headers: None,
                metadata_patch_json: None,
            },
        })))
    }

    fn on_request_body(_handle: u32, _input: RequestInput) -> Result<Option<RequestAction>, PolicyError> {
        Err(unsupported())
    }

    fn on_response_headers(_handle: u32, _input: ResponseInput) -> Result<Option<ResponseAction>, PolicyError> {
        Err(unsupported())
    }

    fn on_response_body(_handle: u32, _input: ResponseInput) -> Result<Option<ResponseAction>, PolicyError> {
        Err(unsupported())
    }

    fn needs_more_request_data(_handle: u32, _stream_id: u32, _fresh: Vec<u8>, _total: u64) -> bool {
        false
    }

    fn needs_more_response_data(_handle: u32, _stream_id: u32, _fresh: Vec<u8>, _total: u64) -> bool {
        false
    }

    fn on_request_chunk(_h: u32, _input: RequestInput, _part: Chunk) -> Result<Option<ChunkChange>, PolicyError> {
        Err(unsupported())
    }

    fn on_response_chunk(
        _handle: u32,
        _input: ResponseInput,
        _part: Chunk,
    ) -> Result<Option<ResponseChunkAction>, PolicyError> {
        Err(unsupported())
    }

    fn on_stream_end(_handle: u32, _stream_id: u32, _reason: EndReason) {}

    fn export_state(_handle: u32) -> Option<Vec<u8>> {
        None
    }

    fn import_state(_handle: u32, _state: Vec<u8>) -> bool {
        false
    }
}

export!(HostCalls);

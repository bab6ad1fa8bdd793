//! four-hooks as a component in Rust: each header hook looks at a header and sets one, each body hook puts a prefix before
//! the body. The twin of assembly/policies/four-hooks.
//!
//!   prefix   text before bodies; default `[seen] `

use std::cell::RefCell;
use std::collections::HashMap;

use tinyjson::JsonValue;

wit_bindgen::generate!({ path: "../../../wasm/wit", world: "policy" });

use edict::policy::types::{
    Body, BodyMode, Chunk, ChunkChange, EndReason, ErrorCode, HeaderChanges, HeaderMode, Modes, Observations,
    PolicyError, PolicyInfo, RequestAction, RequestChanges, RequestInput, ResponseAction, ResponseChanges,
    ResponseChunkAction, ResponseInput, Scope,
};
use exports::edict::policy::guest::Guest;

type Pairs = Vec<(String, Vec<u8>)>;

#[derive(Default)]
struct Instances {
    last: u32,
    prefixes: HashMap<u32, Vec<u8>>,
}

thread_local! {
    static INSTANCES: RefCell<Instances> = RefCell::default();
}

struct FourHooks;

impl Guest for FourHooks {
    fn plan(_info: PolicyInfo, _params_json: String) -> (Scope, String) {
        (Scope::PerRoute, String::new())
    }

    fn init(_info: PolicyInfo, params_json: String) -> Result<(u32, Modes), PolicyError> {
        let params: JsonValue = params_json.parse().map_err(|_| PolicyError {
            code: ErrorCode::Params,
            message: "the parameters are no JSON".into(),
        })?;
        let prefix = match params.get::<HashMap<String, JsonValue>>().and_then(|members| members.get("prefix")) {
            Some(JsonValue::String(text)) => text.clone(),
            _ => "[seen] ".into(),
        };
        let handle = INSTANCES.with_borrow_mut(|instances| {
            instances.last += 1;
            instances.prefixes.insert(instances.last, prefix.into_bytes());
            instances.last
        });
        let modes = Modes {
            request_headers: HeaderMode::Process,
            request_body: BodyMode::Buffer,
            response_headers: HeaderMode::Process,
            response_body: BodyMode::Buffer,
        };
        Ok((handle, modes))
    }

    fn destroy(handle: u32) {
        INSTANCES.with_borrow_mut(|instances| instances.prefixes.remove(&handle));
    }

    fn on_request_headers(_handle: u32, input: RequestInput) -> Result<Option<RequestAction>, PolicyError> {
        Ok(take(input.head.headers, "user-agent").map(|agent| {
            RequestAction::Changes(RequestChanges { headers: setting("x-seen-agent", agent), ..request_changes() })
        }))
    }

    fn on_request_body(handle: u32, input: RequestInput) -> Result<Option<RequestAction>, PolicyError> {
        let body = prefixed(handle, input.body)?;
        let headers = take(input.head.headers, "user-agent")
            .map_or_else(no_headers, |agent| setting("x-seen-agent", agent));
        Ok(Some(RequestAction::Changes(RequestChanges { headers, body: Some(body), ..request_changes() })))
    }

    fn on_response_headers(_handle: u32, input: ResponseInput) -> Result<Option<ResponseAction>, PolicyError> {
        Ok(take(input.head.headers, "content-type").map(|kind| {
            ResponseAction::Changes(ResponseChanges { headers: setting("x-seen-type", kind), ..response_changes() })
        }))
    }

    fn on_response_body(handle: u32, input: ResponseInput) -> Result<Option<ResponseAction>, PolicyError> {
        let body = prefixed(handle, input.body)?;
        Ok(Some(ResponseAction::Changes(ResponseChanges { body: Some(body), ..response_changes() })))
    }

    fn needs_more_request_data(_handle: u32, _stream_id: u32, _fresh: Vec<u8>, _total: u64) -> bool {
        false
    }

    fn needs_more_response_data(_handle: u32, _stream_id: u32, _fresh: Vec<u8>, _total: u64) -> bool {
        false
    }

    fn on_request_chunk(_: u32, _: RequestInput, _: Chunk) -> Result<Option<ChunkChange>, PolicyError> {
        Err(unsupported())
    }

    fn on_response_chunk(_: u32, _: ResponseInput, _: Chunk) -> Result<Option<ResponseChunkAction>, PolicyError> {
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

/// The first value of a header.
fn take(headers: Pairs, name: &str) -> Option<Vec<u8>> {
    headers.into_iter().find(|(header, _)| header == name).map(|(_, value)| value)
}

fn prefixed(handle: u32, body: Option<Body>) -> Result<Vec<u8>, PolicyError> {
    INSTANCES.with_borrow(|instances| {
        let prefix = instances.prefixes.get(&handle).ok_or_else(|| PolicyError {
            code: ErrorCode::NoInstance,
            message: String::new(),
        })?;
        let content = body.and_then(|body| body.content).unwrap_or_default();
        Ok([prefix.as_slice(), &content].concat())
    })
}

fn unsupported() -> PolicyError {
    PolicyError { code: ErrorCode::Unsupported, message: String::new() }
}

fn setting(name: &str, value: Vec<u8>) -> HeaderChanges {
    HeaderChanges { set: vec![(name.into(), value)], ..no_headers() }
}

fn no_headers() -> HeaderChanges {
    HeaderChanges { set: vec![], append: vec![], remove: vec![] }
}

fn nothing_observed() -> Observations {
    Observations {
        analytics_json: None,
        dynamic_metadata_json: None,
        analytics_headers: None,
        metadata_patch_json: None,
    }
}

fn request_changes() -> RequestChanges {
    RequestChanges {
        headers: no_headers(),
        overlay: no_headers(),
        path: None,
        host: None,
        method: None,
        upstream_name: None,
        upstream_slot: None,
        query_add: vec![],
        query_set: vec![],
        query_remove: vec![],
        body: None,
        auth: None,
        observe: nothing_observed(),
    }
}

fn response_changes() -> ResponseChanges {
    ResponseChanges {
        headers: no_headers(),
        overlay: no_headers(),
        status: None,
        body: None,
        observe: nothing_observed(),
    }
}

export!(FourHooks);

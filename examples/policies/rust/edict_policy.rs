//! Policies in Rust on the core interface `edict-core/1` (docs/policy-abi.md): a reader of input frames that copies nothing, a
//! writer of answers, and the exports. It needs no crate; put it beside the policy:
//!
//! ```ignore
//! #[macro_use]
//! mod edict_policy;
//! use edict_policy::*;
//!
//! struct Greeting(String);
//!
//! impl Policy for Greeting {
//!     fn modes(&self) -> u32 { REQUEST_HEADERS }
//!     fn on_request_headers(&mut self, input: &Input) -> Result<Option<Answer>, String> {
//!         Ok(Some(change().set_header("x-greeting", &self.0)))
//!     }
//! }
//!
//! edict_policy!(|params: &Params, _info: &Input| Ok(Box::new(Greeting(params.text("greeting").unwrap_or_default()))));
//! ```
#![allow(dead_code)]

use std::cell::RefCell;

/// What an instance asks for, joined with `|`; what is not named is skipped.
pub const REQUEST_HEADERS: u32 = 2;
pub const REQUEST_BODY: u32 = 2 << 2;
pub const RESPONSE_HEADERS: u32 = 2 << 4;
pub const RESPONSE_BODY: u32 = 2 << 6;

const INTERNAL: i32 = -1;
const PARAMS: i32 = -4;
const PHASE: i32 = -5;
const HANDLE: i32 = -6;

/// A hook gives an answer, `None` where nothing changes, or why the policy failed.
pub type Hook = Result<Option<Answer>, String>;

/// One instance. Only the hooks that `modes` names are called.
pub trait Policy {
    fn modes(&self) -> u32;
    fn on_request_headers(&mut self, _input: &Input) -> Hook { Err(String::new()) }
    fn on_request_body(&mut self, _input: &Input) -> Hook { Err(String::new()) }
    fn on_response_headers(&mut self, _input: &Input) -> Hook { Err(String::new()) }
    fn on_response_body(&mut self, _input: &Input) -> Hook { Err(String::new()) }
}

// ---- reading ----

fn u32_at(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..at + 4).map_or(0, |four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]) as usize)
}

/// The fields of a hook; those that the manifest does not declare are not there.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// The content of a field, by its tag in docs/policy-abi.md.
    pub fn field(&self, tag: u32) -> Option<&'a [u8]> {
        let mut at = 12;
        for _ in 0..u32_at(self.0, 8) {
            let length = u32_at(self.0, at + 4);
            if (u32_at(self.0, at) & 0xffff) as u32 == tag {
                return self.0.get(at + 8..at + 8 + length);
            }
            at += 8 + ((length + 3) & !3);
        }
        None
    }

    pub fn text(&self, tag: u32) -> Option<&'a str> {
        self.field(tag).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    pub fn tenant(&self) -> &'a str { self.text(3).unwrap_or("") }
    pub fn path(&self) -> &'a str { self.text(17).unwrap_or("") }
    pub fn method(&self) -> &'a str { self.text(18).unwrap_or("") }
    pub fn client_ip(&self) -> Option<&'a str> { self.text(54) }
    pub fn body(&self) -> Option<&'a [u8]> { self.field(22) }
    pub fn response_body(&self) -> Option<&'a [u8]> { self.field(34) }
    pub fn status(&self) -> usize { self.field(33).map_or(0, |bytes| u32_at(bytes, 0)) }

    /// The first value of a header of the request, its name in lower case.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> { first(self.field(16)?, name) }

    /// The same of the response.
    pub fn response_header(&self, name: &str) -> Option<&'a [u8]> { first(self.field(32)?, name) }
}

fn first<'a>(block: &'a [u8], name: &str) -> Option<&'a [u8]> {
    (0..u32_at(block, 0)).map(|index| 4 + index * 16).find_map(|entry| {
        let part = |at: usize| {
            let start = u32_at(block, at);
            block.get(start..start + u32_at(block, at + 4))
        };
        (part(entry)? == name.as_bytes()).then(|| part(entry + 8)).flatten()
    })
}

/// The parameters of an instance: JSON that has passed the schema of the manifest.
pub struct Params<'a>(pub &'a str);

impl Params<'_> {
    /// The JSON of a member.
    pub fn member(&self, name: &str) -> Option<&str> {
        let json = self.0;
        let mut at = 1;
        while json.as_bytes().get(at) == Some(&b'"') {
            let key_end = end_of(json, at);
            let end = end_of(json, key_end + 1);
            if &json[at + 1..key_end - 1] == name {
                return Some(&json[key_end + 1..end]);
            }
            at = end + 1;
        }
        None
    }

    pub fn text(&self, name: &str) -> Option<String> { decoded(self.member(name)?) }
    pub fn number(&self, name: &str) -> Option<f64> { self.member(name)?.parse().ok() }
    pub fn flag(&self, name: &str) -> Option<bool> { self.member(name)?.parse().ok() }
}

/// Where the JSON value at `at` ends. The host wrote the text, so it is well-formed and has no spaces.
fn end_of(json: &str, at: usize) -> usize {
    let bytes = json.as_bytes();
    let (mut at, mut depth, mut quoted) = (at, 0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' => {
                quoted = !quoted;
                if !quoted && depth == 0 { return at + 1; }
            }
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b',' | b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    at
}

fn decoded(json: &str) -> Option<String> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::new();
    let mut units: Vec<u16> = Vec::new();
    let mut rest = inner.chars();
    while let Some(letter) = rest.next() {
        let escape = if letter == '\\' { rest.next()? } else { letter };
        if letter == '\\' && escape == 'u' {
            units.push(u16::from_str_radix(&rest.by_ref().take(4).collect::<String>(), 16).ok()?);
            continue;
        }
        text.push_str(&String::from_utf16_lossy(&std::mem::take(&mut units)));
        text.push(match (letter, escape) {
            ('\\', 'n') => '\n',
            ('\\', 't') => '\t',
            ('\\', 'r') => '\r',
            ('\\', 'b') => '\u{8}',
            ('\\', 'f') => '\u{c}',
            _ => escape,
        });
    }
    text.push_str(&String::from_utf16_lossy(&units));
    Some(text)
}

// ---- answering ----

/// What a hook answers: changes of the message, or a response in its place.
#[derive(Default)]
pub struct Answer {
    immediate: Option<u32>,
    set: Vec<(String, Vec<u8>)>,
    append: Vec<(String, Vec<u8>)>,
    remove: Vec<String>,
    fields: Vec<(u32, Vec<u8>)>,
}

/// Changes of the message that the hook is about.
pub fn change() -> Answer { Answer::default() }

/// A response in place of everything else.
pub fn respond(status: u32) -> Answer { Answer { immediate: Some(status), ..Answer::default() } }

impl Answer {
    pub fn set_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.set.push((name.into(), value.as_ref().into()));
        self
    }

    pub fn append_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.append.push((name.into(), value.as_ref().into()));
        self
    }

    pub fn remove_header(mut self, name: &str) -> Self {
        self.remove.push(name.into());
        self
    }

    /// A field by its tag in docs/policy-abi.md, each at most once.
    pub fn put(mut self, tag: u32, bytes: impl AsRef<[u8]>) -> Self {
        self.fields.push((tag, bytes.as_ref().into()));
        self
    }

    pub fn path(self, path: &str) -> Self { self.put(67, path) }
    pub fn method(self, method: &str) -> Self { self.put(69, method) }
    pub fn upstream(self, name: &str) -> Self { self.put(70, name) }
    /// An empty body clears.
    pub fn body(self, body: impl AsRef<[u8]>) -> Self { self.put(75, body) }
    pub fn status(self, status: u32) -> Self { self.put(77, status.to_le_bytes()) }
    /// A JSON merge patch of the metadata, of keys that the manifest declares.
    pub fn metadata(self, json: &str) -> Self { self.put(84, json) }

    fn encoded(mut self) -> Vec<u8> {
        if let Some(status) = self.immediate { self.fields.push((81, status.to_le_bytes().into())); }
        let names: Vec<&[u8]> = self.remove.iter().map(|name| name.as_bytes()).collect();
        for (tag, pairs) in [(64, &self.set), (65, &self.append)] {
            let parts: Vec<&[u8]> = pairs.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_slice()]).collect();
            if !parts.is_empty() { self.fields.push((tag, block(pairs.len(), &parts))); }
        }
        if !names.is_empty() { self.fields.push((66, block(names.len(), &names))); }
        let mut frame: Vec<u8> = Vec::new();
        for word in [0xed1c | 1 << 16 | 2 << 24, 0, self.fields.len() as u32] { frame.extend(word.to_le_bytes()); }
        for (tag, bytes) in &self.fields {
            frame.extend(tag.to_le_bytes());
            frame.extend((bytes.len() as u32).to_le_bytes());
            frame.extend(bytes);
            frame.resize((frame.len() + 3) & !3, 0);
        }
        let total = frame.len() as u32;
        frame[4..8].copy_from_slice(&total.to_le_bytes());
        frame
    }
}

/// A block of `count` lines: where each of the parts lies, then the parts.
fn block(count: usize, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::from((count as u32).to_le_bytes());
    let mut offset = 4 + parts.len() * 8;
    for part in parts {
        bytes.extend((offset as u32).to_le_bytes());
        bytes.extend((part.len() as u32).to_le_bytes());
        offset += part.len();
    }
    bytes.extend(parts.concat());
    bytes
}

// ---- the exports ----

#[derive(Default)]
struct State {
    /// Words of eight bytes, because the host wants the arena aligned to them.
    input: Vec<u64>,
    output: Vec<u8>,
    instances: Vec<Option<Box<dyn Policy>>>,
}

thread_local!(static STATE: RefCell<State> = RefCell::default());

fn state<T>(work: impl FnOnce(&mut State) -> T) -> T { STATE.with(|cell| work(&mut cell.borrow_mut())) }

/// Lends the input to `work`; what it gives is the output, or an error code with its message.
fn answered(length: u32, work: impl FnOnce(&mut State, &Input) -> Result<(i32, Vec<u8>), (i32, String)>) -> i32 {
    state(|state| {
        let words = std::mem::take(&mut state.input);
        let bytes: &[u8] = unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), (length as usize).min(words.len() * 8)) };
        let result = work(state, &Input(bytes));
        state.input = words;
        let (code, output) = result.unwrap_or_else(|(code, message)| (code, message.into_bytes()));
        state.output = output;
        code
    })
}

#[no_mangle]
pub extern "C" fn edict_abi_version() -> u32 { 65536 }

#[no_mangle]
pub extern "C" fn edict_input(size: u32) -> *const u64 {
    state(|state| {
        let words = size as usize / 8 + 1;
        if state.input.len() < words { state.input.resize(words, 0); }
        state.input.as_ptr()
    })
}

#[no_mangle]
pub extern "C" fn edict_output_ptr() -> *const u8 { state(|state| state.output.as_ptr()) }

#[no_mangle]
pub extern "C" fn edict_output_len() -> u32 { state(|state| state.output.len() as u32) }

pub fn init(length: u32, make: impl FnOnce(&Params, &Input) -> Result<Box<dyn Policy>, String>) -> i32 {
    answered(length, |state, input| {
        let policy = make(&Params(input.text(5).unwrap_or("{}")), input).map_err(|message| (PARAMS, message))?;
        let place = state.instances.iter().position(Option::is_none).unwrap_or(state.instances.len());
        if place == state.instances.len() { state.instances.push(None); }
        state.instances[place] = Some(policy);
        Ok((place as i32 + 1, Vec::new()))
    })
}

fn instance(state: &mut State, handle: u32) -> Result<&mut Box<dyn Policy>, (i32, String)> {
    let place = (handle as usize).wrapping_sub(1);
    state.instances.get_mut(place).and_then(Option::as_mut).ok_or((HANDLE, String::new()))
}

#[no_mangle]
pub extern "C" fn edict_modes(handle: u32) -> i32 {
    state(|state| instance(state, handle).map_or_else(|(code, _)| code, |policy| {
        let asked = policy.modes();
        // What is not asked for is 1, skip.
        (0..8).step_by(2).fold(0, |bits, shift| bits | ((asked >> shift & 3).max(1) << shift)) as i32
    }))
}

#[no_mangle]
pub extern "C" fn edict_call(handle: u32, phase: u32, length: u32) -> i32 {
    answered(length, |state, input| {
        let policy = instance(state, handle)?;
        let answer = match phase {
            1 => policy.on_request_headers(input),
            2 => policy.on_request_body(input),
            3 => policy.on_response_headers(input),
            4 => policy.on_response_body(input),
            _ => return Err((PHASE, String::new())),
        };
        let frame = answer.map_err(|message| (INTERNAL, message))?.map_or_else(Vec::new, Answer::encoded);
        Ok((frame.len() as i32, frame))
    })
}

#[no_mangle]
pub extern "C" fn edict_destroy(handle: u32) -> i32 {
    state(|state| match instance(state, handle).map(|_| ()) {
        Ok(()) => {
            state.instances[handle as usize - 1] = None;
            0
        }
        Err((code, _)) => code,
    })
}

/// Makes a module of what makes instances.
macro_rules! edict_policy {
    ($make:expr) => {
        #[no_mangle]
        pub extern "C" fn edict_init(length: u32) -> i32 { $crate::edict_policy::init(length, $make) }
    };
}

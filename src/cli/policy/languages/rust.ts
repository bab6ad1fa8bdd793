/** Policies in Rust: core modules, built by rustc alone with the library that is copied beside them. */

import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { UsageError } from '../../usage-error.ts';
import type { BuildInput, Compiled, Language } from './language.ts';
import { answerOf, run } from './run.ts';

const TARGET = 'wasm32-unknown-unknown';
/** The stack for the same reason as in C. */
const FLAGS = [
  ...['--edition', '2021', '--crate-type', 'cdylib', '--target', TARGET],
  ...['-C', 'opt-level=3', '-C', 'panic=abort', '-C', 'lto', '-C', 'codegen-units=1', '-C', 'strip=symbols'],
  ...['-C', 'link-arg=-zstack-size=262144', '-C', 'link-arg=--stack-first'],
];

export const rust: Language = {
  name: 'rust',
  title: 'Rust',
  sources: ['policy.rs'],
  module: (policy) => `${policy}.wasm`,
  manifest: '',
  libraries: ['examples/policies/rust/edict_policy.rs'],
  example: (policy) => `//! ${policy}: greets every request with a header, and turns bad bots away.

#[macro_use]
mod edict_policy;

use edict_policy::*;

struct Greeting(String);

impl Policy for Greeting {
    fn modes(&self) -> u32 {
        REQUEST_HEADERS
    }

    fn on_request_headers(&mut self, input: &Input) -> Hook {
        if input.header("user-agent").is_some_and(|agent| agent.starts_with(b"bad-bot")) {
            return Ok(Some(respond(403)));
        }
        Ok(Some(change().set_header("x-greeting", &self.0)))
    }
}

edict_policy!(|params: &Params, _info: &Input| {
    let greeting = params.text("greeting").ok_or("/greeting: it is no text")?;
    Ok(Box::new(Greeting(greeting)))
});
`,
  compile,
};

/** Run in the folder, and with its toolchain's place taken out, so that no path of the machine is in the module. */
async function compile({ folder, source, target, memoryPages }: BuildInput): Promise<Compiled> {
  const library = await answerOf('rustc', ['--print', 'target-libdir', '--target', TARGET]);
  if (library === undefined) throw new UsageError('there is no Rust compiler', 'https://rustup.rs');
  if (!existsSync(library)) throw new UsageError(`Rust has no ${TARGET}`, `rustup target add ${TARGET}`);
  const sysroot = await answerOf('rustc', ['--print', 'sysroot']);
  const paths = [`${resolve(folder)}=policy`, `${sysroot}=rust`].flatMap((path) => ['--remap-path-prefix', path]);
  const memory = ['-C', `link-arg=--max-memory=${memoryPages * 65_536}`];
  return run('rustc', [...FLAGS, ...memory, ...paths, '-o', basename(target), basename(source)], folder);
}

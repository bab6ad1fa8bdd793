/**
 * The requirements of the OpenFeature specification (version 0.9.0) that concern a provider: what each says in our words, who
 * meets it and how, and the test that shows it. Data of the conformance report.
 */

/** `edict` itself, the `sdk` with Edict not standing in its way, or `nobody`, where Edict does not use what is optional. */
export type MetBy = 'edict' | 'sdk' | 'nobody';

export interface Requirement {
  readonly number: string;
  readonly says: string;
  readonly by: MetBy;
  /** True where Edict does otherwise; `how` says why. */
  readonly deviates?: true;
  readonly how: string;
  readonly shown?: { readonly file: string; readonly test: string };
}

type Place = Requirement['shown'];

const FOLDER = 'test/conformance/openfeature';
const here = (test: string): Place => ({ file: `${FOLDER}/requirements.test.ts`, test });
const life = (test: string): Place => ({ file: `${FOLDER}/lifecycle-suite.ts`, test });
const evaluation = (test: string): Place => ({ file: `${FOLDER}/evaluation-cases.ts`, test });
const merging = (test: string): Place => ({ file: `${FOLDER}/context-cases.ts`, test });
const hooks = (test: string): Place => ({ file: `${FOLDER}/hook-cases.ts`, test });

const NOT_FOUND = evaluation('v2: an unknown flag');
const NAME = here('its name is a literal');
const RESOLVERS = here('each type has a resolver, whose success is value, variant and reason');
const FAILURE = here('a failure is details with a code and a text');
const METADATA = here('flag metadata are the flag’s texts, numbers and booleans');
const HOOK_ORDER = here('hooks run from the API inwards to the provider and out again');
const HOOK_BEFORE = here('a hook that throws before the decision leaves the default');
const HOOK_AFTERWARDS = here('hooks that throw in the error and the finally stage end nothing');
const HOOK_CONTEXT = here('what a before hook returns is what the rules see');
const TRACKING = here('tracking gets the merged context');
const TRACKING_STATES = life('tracking returns nothing at once and throws nothing');
const START = life('a start that succeeds is exactly one READY');
const START_FAILS = life('a start that fails is exactly one ERROR');
const CHAIN = life('READY, STALE, ERROR, READY');
const CHANGED = life('other content is CONFIGURATION_CHANGED');
const LATE = life('a handler that is added late runs at once');
const THROWS = life('a handler that throws keeps no other from running');
const REPLACED = life('handlers see the new status, stay when the provider is replaced');
const DOMAINS = life('bound to several domains it is started once');
const CLOSING = life('closing the API closes it, twice as well as once');
const APART: Place = { file: `${FOLDER}/multi-provider.test.ts`, test: 'two of them in one share no state' };
const LATER: Place = {
  file: 'test/unit/provider/lifecycle-events.test.ts',
  test: 'READY leaves before initialize settles, once',
};
const LATER_ERROR: Place = {
  file: 'test/unit/provider/lifecycle-events.test.ts',
  test: 'ERROR leaves before initialize rejects, with its code',
};

type Row = readonly [number: string, by: MetBy, says: string, how: string, shown?: Place];

const FLAG_EVALUATION: readonly Row[] = [
  [
    '1.1.8.1',
    'nobody',
    'A provider that declares a domain scope is bound to one domain only.',
    'None is declared.',
    DOMAINS,
  ],
  [
    '1.3.4',
    'edict',
    'A value of another type than the one asked for is an error, and the default is returned.',
    'Edict checks the JSON type of every value itself: TYPE_MISMATCH, in either mode.',
    evaluation('v2: a value of another type'),
  ],
  ['1.4.8', 'sdk', 'An error has a code in the evaluation details.', 'Every failed resolution carries one.', NOT_FOUND],
  ['1.4.9', 'sdk', 'The reason of an error says so.', 'The reason is ERROR.', NOT_FOUND],
  [
    '1.4.10',
    'edict',
    'No call of the client throws; errors are the default.',
    'Resolvers never throw or reject: errors are details with a code, for any key and any context.',
    here('nothing that a caller gives makes an evaluation throw'),
  ],
  [
    '1.4.11',
    'edict',
    'Calls of the client write no log lines.',
    'A decision writes none. An unknown flag is one line at debug level for each key.',
    here('an evaluation that succeeds writes no log line'),
  ],
  [
    '1.4.12',
    'edict',
    'There is a way to evaluate that does not block.',
    'Resolvers give promises. In-process they are settled from the start; remote ones wait for the network only.',
    evaluation('v2: asynchronous evaluation'),
  ],
  [
    '1.4.14',
    'sdk',
    'The metadata of the resolution are those of the details, or an empty record.',
    'Passed on.',
    METADATA,
  ],
  ['1.6.1', 'sdk', 'The API can shut down all providers.', '`onClose` is awaited and ends in time.', CLOSING],
  [
    '1.6.2',
    'sdk',
    'Shutting down resets the API.',
    'Nothing of a closed provider stays behind: no timer, no event.',
    CLOSING,
  ],
  [
    '1.8.1',
    'sdk',
    'Further, independent instances of the API can be made.',
    'Edict keeps no state outside its instances.',
    APART,
  ],
  ['1.8.2', 'sdk', 'They behave like the one global instance.', 'Edict does not ask for the global instance.', APART],
  [
    '1.8.3',
    'sdk',
    'They are made by a module apart from the global one.',
    'Edict imports nothing of the SDK but types.',
    APART,
  ],
  [
    '1.8.4',
    'sdk',
    'One provider is not registered with two of them.',
    'Make one for each: they share no state.',
    APART,
  ],
];

const PROVIDERS: readonly Row[] = [
  ['2.1.1', 'edict', 'A provider says its name.', 'The literal `edict`, which no minifier changes.', NAME],
  ['2.2.1', 'edict', 'Resolvers take key, default and context and give details.', 'Four of them.', RESOLVERS],
  [
    '2.2.2.1',
    'edict',
    'There is one for each type.',
    'Boolean, string, number; objects and arrays share one.',
    RESOLVERS,
  ],
  ['2.2.3', 'edict', 'A success has the value.', 'The variation’s value.', RESOLVERS],
  ['2.2.4', 'edict', 'A success should have the variant.', 'The variation’s name, always.', RESOLVERS],
  [
    '2.2.5',
    'edict',
    'The reason should be one of the known words, or another text.',
    'GO Feature Flag’s reason as it is: STATIC, DEFAULT, TARGETING_MATCH, SPLIT, DISABLED, ERROR, or TARGETING_MATCH_SPLIT.',
    RESOLVERS,
  ],
  ['2.2.6', 'edict', 'A success has no error code.', 'The member is absent.', RESOLVERS],
  [
    '2.2.7',
    'edict',
    'A failure has an error code, in the way of the language.',
    'Details with a code, which the SDK reads.',
    FAILURE,
  ],
  [
    '2.2.9',
    'edict',
    'Flag metadata should be given.',
    'The flag’s metadata, with its version and the name of the rule.',
    METADATA,
  ],
  [
    '2.2.10',
    'edict',
    'Metadata are named texts, numbers and booleans.',
    'These are passed on; so are nested values of a flag, which JSON allows and the type does not.',
    METADATA,
  ],
  ['2.3.1', 'sdk', 'A provider may bring hooks.', 'They run innermost.', HOOK_ORDER],
  ['2.3.2', 'edict', 'A success has no error message.', 'The member is absent.', RESOLVERS],
  ['2.3.3', 'edict', 'A failure may have a message.', 'It always has: what went wrong, in words.', FAILURE],
  [
    '2.4.1',
    'edict',
    'A provider may have a function that starts it.',
    '`initialize` loads module and configuration.',
    START,
  ],
  [
    '2.4.2.1',
    'edict',
    'A start that fails should end abnormally.',
    '`initialize` rejects with PROVIDER_NOT_READY, or PROVIDER_FATAL where waiting does not help. With `startup: lenient` it resolves.',
    START_FAILS,
  ],
  [
    '2.4.3',
    'nobody',
    'A provider may declare that it is for one domain.',
    'It is not: one instance serves several.',
    DOMAINS,
  ],
  [
    '2.4.4',
    'nobody',
    'Such a provider is told its domain.',
    'What is kept is keyed by relay and flags, not by domain.',
    DOMAINS,
  ],
  ['2.5.1', 'edict', 'A provider may have a function that ends it.', '`onClose`, within `closeTimeoutMs`.', CLOSING],
  [
    '2.5.2',
    'edict',
    'Afterwards it should be as before its start.',
    'PROVIDER_NOT_READY, and it can be started again.',
    CLOSING,
  ],
  ['2.5.3', 'edict', 'Ending it twice should be ending it once.', 'The same promise.', CLOSING],
  [
    '2.7.1',
    'sdk',
    'A provider may take tracking events.',
    'Tracking returns at once, in whatever state.',
    TRACKING_STATES,
  ],
  [
    '2.8.1',
    'edict',
    'A provider signals each change of its status.',
    'One event for each, none twice in a row.',
    CHAIN,
  ],
  [
    '2.8.2',
    'sdk',
    'READY is emitted before `initialize` ends.',
    'The SDKs of major version 1 emit it themselves, and would run handlers twice. Edict can, and does not until an SDK leaves it to providers.',
    LATER,
  ],
  [
    '2.8.3',
    'sdk',
    'ERROR is emitted before `initialize` rejects.',
    'As READY: emitted by the SDK, with the message of the rejection.',
    LATER_ERROR,
  ],
];

const HOOKS: readonly Row[] = [
  ['4.3.1', 'sdk', 'A hook has at least one stage.', 'Those of the provider do.', HOOK_ORDER],
  ['4.3.2.1', 'sdk', 'The before stage comes before the decision.', 'It does.', HOOK_ORDER],
  ['4.3.4', 'sdk', 'Later hooks see the context that a before hook returned.', 'They do.', HOOK_CONTEXT],
  [
    '4.3.5',
    'sdk',
    'That context is merged with what there was.',
    'Rules see the merged one.',
    merging('context: a later level wins'),
  ],
  ['4.3.6', 'sdk', 'The after stage gets the details.', 'All of them.', hooks('hooks: details of an answer')],
  [
    '4.3.7',
    'sdk',
    'The error stage runs when something failed.',
    'A failed resolution counts.',
    hooks('hooks: details of an unknown flag'),
  ],
  [
    '4.3.8',
    'sdk',
    'The finally stage comes last, with details.',
    'Also after an error.',
    hooks('hooks: details of a value of another type'),
  ],
  ['4.4.2', 'sdk', 'Hooks run from the API inwards, and out again.', 'The provider’s are the innermost.', HOOK_ORDER],
  ['4.4.3', 'sdk', 'A finally stage that throws ends nothing.', 'The answer stays.', HOOK_AFTERWARDS],
  ['4.4.4', 'sdk', 'An error stage that throws ends nothing.', 'The answer stays.', HOOK_AFTERWARDS],
  ['4.4.5', 'sdk', 'A before or after stage that throws is an error.', 'The error stages run.', HOOK_BEFORE],
  ['4.4.6', 'sdk', 'The remaining hooks of that stage are left out.', 'They are.', HOOK_BEFORE],
  ['4.4.7', 'sdk', 'After a before stage that throws the default is returned.', 'It is, with GENERAL.', HOOK_BEFORE],
];

const EVENTS: readonly Row[] = [
  [
    '5.1.1',
    'edict',
    'A provider can signal events with details.',
    '`events`, an emitter without a listener limit.',
    CHAIN,
  ],
  ['5.1.2', 'sdk', 'Handlers of the client and of the API run.', 'Both hear each event once.', CHAIN],
  ['5.1.3', 'sdk', 'Handlers of other providers’ clients do not run.', 'They do not.', THROWS],
  [
    '5.1.4',
    'edict',
    'An ERROR event should have a message.',
    'Edict’s events say what failed; the SDK’s own after a start has the message of the rejection.',
    CHAIN,
  ],
  [
    '5.1.5',
    'edict',
    'An ERROR event should have a code.',
    'Edict’s events have one; the SDK leaves it out of its own after a start, and shows it as the status FATAL.',
    CHAIN,
  ],
  ['5.2.1', 'sdk', 'Handlers can be added to a client.', 'They hear Edict’s events.', CHANGED],
  ['5.2.2', 'sdk', 'Handlers can be added to the API.', 'They hear Edict’s events.', CHANGED],
  ['5.2.3', 'sdk', 'Events name the provider.', 'As `edict`.', CHANGED],
  ['5.2.4', 'sdk', 'Handlers get details.', 'CONFIGURATION_CHANGED has the keys that changed.', CHANGED],
  ['5.2.5', 'sdk', 'A handler that throws keeps none from running.', 'Edict’s emitter goes on as well.', THROWS],
  ['5.2.6', 'sdk', 'Handlers stay when the provider changes.', 'They do.', REPLACED],
  ['5.2.7', 'sdk', 'Handlers can be removed.', 'They can.', REPLACED],
  ['5.3.1', 'sdk', 'READY runs the handlers of READY.', 'Once for each start and each recovery.', START],
  [
    '5.3.2',
    'sdk',
    'ERROR runs the handlers of ERROR.',
    'Once for each failed start, and when STALE lasted too long.',
    START_FAILS,
  ],
  ['5.3.3', 'sdk', 'A handler added late runs at once.', 'In READY, STALE and ERROR.', LATE],
  [
    '5.3.4.1',
    'nobody',
    'A change of a static context runs RECONCILING.',
    'Contexts on a server come with the evaluation.',
  ],
  ['5.3.5', 'sdk', 'The status changes before handlers run.', 'They see the new one.', REPLACED],
];

const TRACKED: readonly Row[] = [
  ['6.1.1.1', 'sdk', 'A client can track, with a name, a context and details.', 'They reach the provider.', TRACKING],
  [
    '6.1.2.1',
    'nobody',
    'With a static context, it tracks without a context.',
    'Contexts on a server come with the call.',
  ],
  ['6.1.3', 'sdk', 'The context is merged of all levels.', 'The provider gets the merged one.', TRACKING],
  ['6.1.4', 'sdk', 'Without tracking in the provider the call does nothing.', 'It never throws.', TRACKING_STATES],
  ['6.2.1', 'sdk', 'Details may have a number.', 'As it is.', TRACKING],
  ['6.2.2', 'sdk', 'Details may have fields of one’s own.', 'As they are.', TRACKING],
];

/** Where somebody other than the specification says does it. */
const DEVIATING: ReadonlySet<string> = new Set(['2.8.2', '2.8.3']);

export const REQUIREMENTS: readonly Requirement[] = [
  ...FLAG_EVALUATION,
  ...PROVIDERS,
  ...HOOKS,
  ...EVENTS,
  ...TRACKED,
].map(([number, by, says, how, shown]) => ({
  number,
  says,
  by,
  how,
  ...(DEVIATING.has(number) ? { deviates: true as const } : {}),
  ...(shown === undefined ? {} : { shown }),
}));

/** What users of gateways like this one complained about, and eleven disagreements between view and wire: the rows U and R. */

import { type PolicyRequirement, rows } from './requirement.ts';

export const DISAGREEMENTS: readonly PolicyRequirement[] = rows('R', 1, [
  ['Appended values are seen by the next policy.'],
  ['A header has one name, in whatever case it is written, in every phase.'],
  ['A query parameter that a body hook adds arrives once.'],
  ['A new path is seen by body hooks, and goes together with additions to the query.'],
  ['Removing and then appending leaves the appended values alone.'],
  ['A new host is seen by later policies; the slot chooses the upstream.'],
  ['Chunks are counted from 0, in each direction.'],
  ['A chunk hook without an answer hands the chunk on.'],
  ['An immediate response keeps what was observed before it.'],
  ['The end of a stream is told.'],
  ['Metadata can be deleted, and authentication written, from everywhere.'],
]);

export const COMPLAINTS: readonly PolicyRequirement[] = rows('U', 1, [
  ['Header changes waited for the body.'],
  ['A header that body hooks need was hidden by a writer before them.'],
  ['Of a policy that stood twice, only the last parameters held.'],
  ['After a restart requests went past the chain.'],
  ['A policy that was invalid or unknown counted as deployed.'],
  ['A route without a chain was an error 500.'],
  ['A policy in use could be deleted.'],
  ['A short circuit had no error flow.'],
  ['A bad pattern did nothing, silently; a new path put the query in another order.'],
  ['Everything was buffered.', 'Request bodies still are, in the middleware.', 'part'],
  ['An error event came once for each chunk.'],
  [
    'Placeholders that were split over two events leaked.',
    'The policy that masks and restores is not written.',
    'not yet',
  ],
  ['Policies got compressed bytes.'],
  ['Each chunk was compressed for itself, and clients got part of it.'],
  ['Wrong lengths were errors 500, and empty chunked bodies were not delivered.'],
  ['Every deployment rebuilt every route.'],
  ['Destroy raced with calls.'],
  ['Buckets of a rate limit split at random.'],
  ['Refused requests used up quota; token limits were wrong.'],
  [
    'Cached answers reached other callers.',
    'State is each tenant’s own; the policy that caches answers is not written.',
    'part',
  ],
  ['A missing system parameter broke a policy.'],
  ['Defaults that do not pass their own schema.'],
  ['Parameters on some levels were not validated.'],
  ['No scaffolding, and no way to look inside.'],
  ['Nobody knew which policies are loaded.'],
  ['Pinned versions confused.'],
  ['The hot path allocated.'],
  ['Policies brought conflicting dependencies.'],
]);

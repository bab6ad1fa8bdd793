"""four-hooks as a component in Python: each header hook looks at a header and sets one, each body hook puts a prefix before
the body. The twin of assembly/policies/four-hooks.

  prefix   text before bodies; default `[seen] `
"""

import json

from wit_world.types import Err
from wit_world import exports
from wit_world.imports.types import (
    BodyMode,
    ErrorCode,
    HeaderChanges,
    HeaderMode,
    Modes,
    Observations,
    PolicyError,
    RequestAction_Changes,
    RequestChanges,
    ResponseAction_Changes,
    ResponseChanges,
    Scope,
)

NO_HEADERS = HeaderChanges([], [], [])
NOTHING_OBSERVED = Observations(None, None, None, None)


def first(headers, wanted):
    """The first value of a header."""
    return next((value for name, value in headers if name == wanted), None)


def setting(name, value):
    return HeaderChanges([(name, value)], [], [])


def request_changes(headers=NO_HEADERS, body=None):
    return RequestAction_Changes(
        RequestChanges(
            headers=headers,
            overlay=NO_HEADERS,
            path=None,
            host=None,
            method=None,
            upstream_name=None,
            upstream_slot=None,
            query_add=[],
            query_set=[],
            query_remove=[],
            body=body,
            auth=None,
            observe=NOTHING_OBSERVED,
        )
    )


def response_changes(headers=NO_HEADERS, body=None):
    changes = ResponseChanges(headers=headers, overlay=NO_HEADERS, status=None, body=body, observe=NOTHING_OBSERVED)
    return ResponseAction_Changes(changes)


def unsupported():
    return Err(PolicyError(ErrorCode.UNSUPPORTED, ""))


class Guest(exports.Guest):
    def __init__(self):
        pass

    # What stays from call to call belongs to the class; nobody promises that its object is the same.
    prefixes = {}
    last_handle = 0

    def plan(self, info, params_json):
        return (Scope.PER_ROUTE, "")

    def init(self, info, params_json):
        prefix = json.loads(params_json).get("prefix")
        Guest.last_handle += 1
        Guest.prefixes[Guest.last_handle] = (prefix if isinstance(prefix, str) else "[seen] ").encode()
        modes = Modes(HeaderMode.PROCESS, BodyMode.BUFFER, HeaderMode.PROCESS, BodyMode.BUFFER)
        return (Guest.last_handle, modes)

    def destroy(self, handle):
        Guest.prefixes.pop(handle, None)

    def on_request_headers(self, handle, input):
        agent = first(input.head.headers, "user-agent")
        return None if agent is None else request_changes(setting("x-seen-agent", agent))

    def on_request_body(self, handle, input):
        agent = first(input.head.headers, "user-agent")
        headers = NO_HEADERS if agent is None else setting("x-seen-agent", agent)
        return request_changes(headers, self.prefixed(handle, input.body))

    def on_response_headers(self, handle, input):
        kind = first(input.head.headers, "content-type")
        return None if kind is None else response_changes(setting("x-seen-type", kind))

    def on_response_body(self, handle, input):
        return response_changes(body=self.prefixed(handle, input.body))

    def prefixed(self, handle, body):
        prefix = Guest.prefixes.get(handle)
        if prefix is None:
            raise Err(PolicyError(ErrorCode.NO_INSTANCE, ""))
        return prefix + (body.content if body is not None and body.content is not None else b"")

    def needs_more_request_data(self, handle, stream_id, fresh, total):
        return False

    def needs_more_response_data(self, handle, stream_id, fresh, total):
        return False

    def on_request_chunk(self, handle, input, part):
        raise unsupported()

    def on_response_chunk(self, handle, input, part):
        raise unsupported()

    def on_stream_end(self, handle, stream_id, reason):
        pass

    def export_state(self, handle):
        return None

    def import_state(self, handle, state):
        return False

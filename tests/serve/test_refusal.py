"""A refusal is JSON with a code; 503 has a time to retry."""

import json

from pipeline.serve.refusal import RETRY_SECONDS, bad_request, unavailable


def test_a_refusal_is_json_whatever_its_sentence_holds():
    content = json.loads(bad_request("cells", 'a "quote"\r\nü').body())
    assert content == {"error_code": "cells", "message": 'a "quote"\r\nü'}


def test_only_a_request_that_may_be_sent_again_has_a_time_to_retry():
    assert bad_request("cells", "x").status == 400
    assert bad_request("cells", "x").headers == ()
    assert unavailable("busy", "x").status == 503
    assert dict(unavailable("busy", "x").headers) == {"retry-after": str(RETRY_SECONDS)}

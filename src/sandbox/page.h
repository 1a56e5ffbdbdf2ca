#pragma once
/* Lists as WorkOS gives them: limit (1-100, default 10), before, after, order. */
#include "sandbox/answer.h"
#include "sandbox/http.h"

/* items: array of objects with a string "id", oldest first; taken. The answer has
 * {object:"list", data, list_metadata:{before,after}}, or is the 422 for a bad query. */
kf_answer kf_page(const kf_web_req *req, kf_json *items);

#pragma once
/* Who a session belongs to, in words, and the name that a profile for somebody else could have. */
#include <stdbool.h>
#include <stddef.h>
#include "base/json.h"

/* "Maya Chen, maya@example.test" of a Person of the interface, safe to print; elsewhere: with
 * client ID and host, because it is of another environment. */
void kf_person_words(const kf_json *person, bool elsewhere, char *out, size_t size);
/* "acme-maya", with n over 1 "acme-maya-2"; always a profile name. */
void kf_person_profile_name(const char *profile, const char *email, int n, char out[65]);

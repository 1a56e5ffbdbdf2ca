#pragma once
/* A certificate authority of one's own, for --tls DIR. */
#include <stdbool.h>
#include "base/err.h"

/* Makes DIR (0700) and, unless cert.pem and key.pem are there, a new CA (ca.pem) and a
 * certificate for 127.0.0.1, ::1 and localhost (cert.pem, its chain; key.pem, 0600), valid
 * for a year. The CA's key is not kept. Only a part there: an error, nothing is touched. */
bool kf_tls_prepare(const char *dir, kf_err *err);
/* Reads cert.pem and key.pem (64 KiB at most) and checks that they are one pair. Caller
 * frees both. */
bool kf_tls_load(const char *dir, char **cert_pem, char **key_pem, kf_err *err);

#pragma once
/* Certificates in PEM (RFC 7468): whether there are any. Never whether they are to be trusted. */
#include <stddef.h>

size_t kf_pem_certificates(const void *pem,
                           size_t len); /* whole ones, up to the first that is broken */

#pragma once
/* The file of certificates that takes the place of the system's (ca_file, SSL_CERT_FILE). Blocking.
 */

/* NULL: a file with certificates; else why not, to go before the path: "is a directory". libcurl
 * would tell of most of it only when it is needed, and as an error of the network. */
const char *kf_trust_is_bad(const char *path);

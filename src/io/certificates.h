#pragma once
/* Which certificates are trusted for https. It reads none of them. */
#include "base/err.h"

/* own (ca_file of keyfob.conf, or NULL) replaces everything else. Without it SSL_CERT_FILE and
 * SSL_CERT_DIR count, each of which replaces the system's certificates. Both NULL: the system's.
 * False: KF_ERR_SYS_OWNER, somebody else can change what was chosen. The out-parameters are set in
 * any case, and borrowed. */
KF_CHECK bool kf_certificates_choose(const char *own, const char **file, const char **dir,
                                     kf_err *err);

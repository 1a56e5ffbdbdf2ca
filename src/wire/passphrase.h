#pragma once
/* The file with the vault's passphrase: KEYFOB_PASSPHRASE_FILE, or keyfob-passphrase among the
 * credentials of a systemd unit. The agent reads its own at the start, a client gives its own when
 * the vault is locked. */
#include "base/secret.h"
#include "base/err.h"

bool kf_passphrase_has_file(void);
/* Without the line end (LF or CR LF). NULL: err; its code is KF_ERR_NONE when there is no file. The
 * file must be root's or ours and closed to others. */
kf_secret *kf_passphrase_read(kf_err *err);

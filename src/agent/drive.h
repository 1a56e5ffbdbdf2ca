#pragma once
/* Sign-ins: owns the flows of src/auth, does their jobs over HTTP, streams their steps to
 * the call that started them, and hands a finished session to the keeper. What a cancelled
 * sign-in began at WorkOS is undone, whether its client is still there or not. */
#include "agent/agent.h"
#include "door/call.h"

typedef struct kf_drive kf_drive;
kf_drive *kf_drive_new(kf_agent *a);
kf_drive *kf_drive_free(kf_drive *d);
void kf_drive_sign_in(kf_agent *a, kf_call *call);
void kf_drive_answer(kf_agent *a, kf_call *call);
void kf_drive_cancel(kf_agent *a, kf_call *call);
/* Cancels the sign-ins of a profile that was removed. */
void kf_drive_profile_gone(kf_agent *a, const char *id);
bool kf_drive_busy(const kf_agent *a); /* also while what was cancelled is brought to an end */
void kf_drive_stop(kf_agent *a, const kf_err *why); /* all are cancelled */

#pragma once
/* What keyfob --sandbox makes of its own in an agent whose store is its memory. The names are
 * keyfob-sandbox's (src/sandbox/README.md); none of them is a secret. */
#define KF_SANDBOX_PROFILE "sandbox"
#define KF_SANDBOX_CLIENT "client_sandbox"
#define KF_SANDBOX_KEY "sk_test_sandbox"
#define KF_SANDBOX_PUBLIC_PROFILE "sandbox-public"
#define KF_SANDBOX_PUBLIC_CLIENT "client_sandbox_public"

#pragma once
/* What git asks its credential helper (https://git-scm.com/docs/git-credential#IOFMT). Pure. */
#include <stdbool.h>
#include <stddef.h>

enum { KF_GIT_QUESTION_MAX = 64 << 10 };

typedef struct kf_git_question {
    char host[272];     /* host[:port], lower case */
    char username[256]; /* as git has it; "" none */
    bool authtype; /* git 2.46 and later: it takes a credential for a scheme other than Basic */
    const char *secret; /* what erase is about: password= or credential=; borrowed from the text */
    size_t secret_len;
} kf_git_question;

/* Lines key=value up to an empty one; of a key that comes twice the last counts, as with git.
 * False: nothing may be said to this question: no host, not https (http of this machine is fine),
 * or a value that somebody else's parser may see the end of elsewhere, like one with a carriage
 * return in it (CVE-2024-52006). */
bool kf_git_question_parse(const char *text, size_t len, kf_git_question *q);

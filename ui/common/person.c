/* A person in words, and a name for a profile of another person. */
#include "ui/common/person.h"

#include <ctype.h>
#include <stdio.h>
#include "base/str.h"
#include "ui/common/text.h"

void kf_person_words(const kf_json *person, bool elsewhere, char *out, size_t size) {
    KF_AUTO_CHARS name = kf_text_safe(kf_json_str(person, "name"));
    KF_AUTO_CHARS email = kf_text_safe(kf_json_str(person, "email"));
    KF_AUTO_CHARS id = kf_text_safe(kf_json_str(person, "user_id"));
    KF_AUTO_CHARS client = kf_text_safe(kf_json_str(person, "client_id"));
    KF_AUTO_CHARS host = kf_text_safe(kf_json_str(person, "api_host"));
    const char *who = *email ? email : *id ? id : "an unknown user";
    KF_AUTO_CHARS all =
        kf_strfmt("%s%s%s%s%s%s%s%s", name, *name ? ", " : "", who, elsewhere ? " (" : "",
                  elsewhere ? client : "", elsewhere && *host ? " at " : "", elsewhere ? host : "",
                  elsewhere ? ")" : "");
    (void)kf_str_cut(out, size, all);
}

void kf_person_profile_name(const char *profile, const char *email, int n, char out[65]) {
    char part[24] = "";
    size_t k = 0;
    for (const char *p = email; p && *p && *p != '@' && k + 1 < sizeof part; p++) {
        char c = (char)tolower((unsigned char)*p);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_')
            part[k++] = c;
    }
    part[k] = 0;
    if (n > 1) snprintf(out, 65, "%.29s-%s-%d", profile, *part ? part : "2", n);
    else snprintf(out, 65, "%.32s-%s", profile, *part ? part : "2");
}

/* version: of the program, and of the interface to the agent. */
#include "ui/cli/cli.h"

#include "base/build.h"
#include "wire/msg.h"

int kf_cmd_version(kf_cli *c, const kf_args *a) {
    if (!c->json) {
        printf("keyfob %s\n", kf_build);
        return kf_cli_flush();
    }
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.version/1");
    kf_json_set_str(j, "version", KF_VERSION);
    kf_json_set_str(j, "build", kf_build);
    kf_json_set_int(j, "protocol", KF_PROTOCOL);
    return kf_cli_print(j);
}

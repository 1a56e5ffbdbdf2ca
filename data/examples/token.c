/* A program that asks keyfob's agent for a token by itself, without starting a process:
 *
 *     cc -o token token.c $(pkg-config --cflags --libs libcjson) && ./token acme
 *
 * The interface is io.keyfob.Agent (varlink: JSON objects over a UNIX socket, a NUL after each); it
 * describes itself by org.varlink.service.GetInterfaceDescription, and the text is installed as
 * io.keyfob.Agent.varlink. The agent must run: `keyfob agent start`, or any command that needs it,
 * starts it. */
#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FRAME_MAX = 1 << 20 }; /* of the interface */

static int connect_agent(void) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const char *socket_path = getenv("KEYFOB_SOCKET"), *runtime = getenv("XDG_RUNTIME_DIR");
    int n = socket_path ? snprintf(a.sun_path, sizeof a.sun_path, "%s", socket_path)
            : runtime   ? snprintf(a.sun_path, sizeof a.sun_path, "%s/keyfob/agent.sock", runtime)
                        : snprintf(a.sun_path, sizeof a.sun_path, "/tmp/keyfob-%u/agent.sock",
                                   (unsigned)geteuid());
    if (n < 0 || (size_t)n >= sizeof a.sun_path) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof a) &&
        !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.uid == geteuid())
        return fd;
    if (fd >= 0) close(fd);
    return -1; /* nobody there, or somebody else's program */
}

/* One call, one answer. The caller deletes the result. */
static cJSON *call(int fd, const char *method, cJSON *parameters) {
    cJSON *message = cJSON_CreateObject();
    cJSON_AddStringToObject(message, "method", method);
    cJSON_AddItemToObject(message, "parameters", parameters);
    char *text = cJSON_PrintUnformatted(message), *in = malloc(FRAME_MAX);
    size_t n = 0, size = strlen(text) + 1; /* the NUL is part of the frame */
    ssize_t k = write(fd, text, size) == (ssize_t)size;
    while (k > 0 && n < FRAME_MAX && !(n && in[n - 1] == 0))
        if ((k = read(fd, in + n, FRAME_MAX - n)) > 0) n += (size_t)k;
    cJSON *answer = n && in[n - 1] == 0 ? cJSON_Parse(in) : NULL;
    memset(in, 0, n); /* it held a token */
    free(in);
    cJSON_free(text);
    cJSON_Delete(message);
    return answer;
}

int main(int argc, char **argv) {
    int fd = argc == 2 ? connect_agent() : -1;
    if (fd < 0)
        return fprintf(stderr, "usage: token PROFILE; the agent must run (keyfob agent start)\n"),
               2;
    cJSON *parameters = cJSON_CreateObject();
    cJSON_AddStringToObject(parameters, "profile", argv[1]);
    cJSON_AddNumberToObject(parameters, "min_valid_ms",
                            120000); /* renewed first when less than two minutes are left */
    cJSON *answer = call(fd, "io.keyfob.Agent.GetToken", parameters);
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(answer, "parameters");
    const char *token =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, "access_token"));
    const cJSON *failure = cJSON_GetObjectItemCaseSensitive(
        result, "failure"); /* of the error io.keyfob.Agent.Failed */
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(failure, "name"));
    if (token) printf("%s\n", token);
    else fprintf(stderr, "no token: %s\n", name ? name : "the agent gave no answer");
    cJSON_Delete(answer);
    close(fd);
    return token ? 0 : 1;
}

#pragma once
/* One log sink. Library code logs events, not the errors it returns. No secret
 * ever: a token appears as kf_log_fp(). Text from outside is sanitised by the sink
 * (controls become '?'). */
#include <stddef.h>
#include <stdint.h>

typedef enum kf_log_level { KF_LOG_ERROR, KF_LOG_WARN, KF_LOG_INFO, KF_LOG_DEBUG } kf_log_level;
typedef void (*kf_log_sink)(kf_log_level level, const char *line, void *user);

/* key: 16 random bytes for kf_log_fp. sink NULL: silent (the default). */
void kf_log_setup(kf_log_level max, kf_log_sink sink, void *user, const uint8_t key[16]);
void kf_log(kf_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* 8 hex digits of a keyed SipHash of the bytes, into out[9]; tells tokens apart, gives nothing
 * away. */
const char *kf_log_fp(const void *p, size_t n, char out[9]);

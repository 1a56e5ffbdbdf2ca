#pragma once
/* Calls that have no place here; included by every file through the build
 * (-include). Each has a safer one beside it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define KF_BANNED(f) f##_is_banned_see_src_base_banned_h
#undef strcpy
#define strcpy KF_BANNED(strcpy) /* kf_str_set */
#undef strcat
#define strcat KF_BANNED(strcat) /* kf_buf */
#undef strncpy
#define strncpy KF_BANNED(strncpy)
#undef strncat
#define strncat KF_BANNED(strncat)
#undef sprintf
#define sprintf KF_BANNED(sprintf) /* snprintf, kf_strfmt */
#undef vsprintf
#define vsprintf KF_BANNED(vsprintf)
#undef gets
#define gets KF_BANNED(gets)
#undef strtok
#define strtok KF_BANNED(strtok)
#undef atoi
#define atoi KF_BANNED(atoi) /* strtol with a check */
#undef atol
#define atol KF_BANNED(atol)
#undef gmtime
#define gmtime KF_BANNED(gmtime) /* gmtime_r */
#undef localtime
#define localtime KF_BANNED(localtime)
#undef ctime
#define ctime KF_BANNED(ctime)
#undef system
#define system KF_BANNED(system)
#undef popen
#define popen KF_BANNED(popen)

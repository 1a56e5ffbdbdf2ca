#pragma once
/* The texts of data/systemd, compiled in by CMakeLists.txt, for people whose installation has no
 * package that brings them. */
#define KF_UNIT_PROGRAM "@keyfobd@" /* in kf_unit_service: the path of keyfobd */
extern const char kf_unit_socket[], kf_unit_service[], kf_unit_relaxed[];

#pragma once
/* What a process of ours does about itself before it holds a secret, and takes back before it
 * becomes somebody else's program. */

/* No core file, and no other process of the user can read the memory or attach (root can). First
 * call of every main(). */
void kf_process_close(void);
/* The limit of core files that kf_process_close() found. For a process that is about to execute a
 * program of the person's; execve() itself makes that one dumpable again. */
void kf_process_reopen(void);
/* Closes every descriptor from low on, apart from keep (-1: none). Also where close_range(2) is
 * refused or missing, as in old containers. Between fork and exec: only system calls. */
void kf_process_close_from(int low, int keep);

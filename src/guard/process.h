#pragma once
/* What a process of ours does about itself before it holds a secret, and takes back before it
 * becomes somebody else's program. */

/* No core file, and no other process of the user can read the memory or attach (root can). First
 * call of every main(). */
void kf_process_close(void);
/* The limit of core files that kf_process_close() found. For a process that is about to execute a
 * program of the person's; execve() itself makes that one dumpable again. */
void kf_process_reopen(void);

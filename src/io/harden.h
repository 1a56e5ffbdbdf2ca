#pragma once
/* What the process does so that its memory stays its own. */
void kf_harden(
    void); /* not dumpable, no core, no new privileges, freed memory overwritten, umask 077 */
/* Executes the program again, once, with malloc told to overwrite whatever is freed; it reads that
 * at its start only. mallopt cannot say it: a thread's cache keeps small pieces as they were. First
 * of all in main, before there is anything to keep. */
void kf_harden_malloc(char **argv);

#pragma once
/* What the process does so that its memory stays its own (design.md §7). */
void kf_harden(void); /* not dumpable, no core, no new privileges, freed memory overwritten, umask 077 */

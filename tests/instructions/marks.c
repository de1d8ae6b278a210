/* Tells callgrind where a count begins and ends. Outside valgrind these calls do nothing. */
#include <valgrind/callgrind.h>

/* Until here the program runs uncounted, which is several times faster. */
void begin(void) {
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
}

/* Writes the instructions since the last mark to a file, under this name. */
void end(const char *name) { CALLGRIND_DUMP_STATS_AT(name); }

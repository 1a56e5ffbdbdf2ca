/* The floor of a screen's first paint: what ncurses alone takes to show one line. */
#include <curses.h>

int main(void) {
    if (!initscr()) return 1;
    addstr("p0000");
    refresh();
    getch();
    return endwin() == ERR;
}

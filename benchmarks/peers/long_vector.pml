#ifndef N
#define N 4
#endif
#define W 24
byte cell[N*W];
active [N] proctype writer() {
  byte i;
  do
  :: d_step { cell[_pid*W+i] = 1 - cell[_pid*W+i]; i = (i+1)%W }
  od
}

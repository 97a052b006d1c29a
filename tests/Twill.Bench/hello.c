// The least a process can cost. build: gcc -O2 -static
int main(void) { return 0; }

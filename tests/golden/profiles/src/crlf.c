/* Lines as Windows ends them. */

int crlf(int n)
{
	return n + 1;
}
int crlf_last(void) { return 0; }
// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// The source that program.pb.gz points to: for list.
#include <vector>

template <class T> struct Worker {
	int work(int n)
	{
		std::vector<T> v;
		v.push_back(n);
		for (int i = 0; i < n; i++)
			v[0] += i;
		return v[0]; } };
static unsigned fib(unsigned n) {
	return n < 2 ? n
		     : fib(n - 1) + fib(n - 2); }
static auto lambda = [](int n) {
	return n + 1; };
int main()
{
	return Worker<int>().work(lambda(fib(20)));
}

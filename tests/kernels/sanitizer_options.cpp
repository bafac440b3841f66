// Under a sanitizer, an allocation that cannot be met must fail as it does without one: a test asks
// for it. The sanitizers call these by name.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }

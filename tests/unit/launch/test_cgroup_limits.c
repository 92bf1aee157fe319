/* Tests of superd/launch/isolation/cgroup_limits.c: what is written to the files of a group. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "launch/isolation/cgroup.h"
#include "launch/isolation/cgroup_limits.h"

static const char *const names[] = {"memory.max", "memory.high", "memory.swap.max", "pids.max",
                                    "cpu.max",    "cpu.weight",  "io.weight",       "io.max"};
#define NAMES (sizeof names / sizeof names[0])

/* A folder with empty files in the place of a group; *STATE is its descriptor. */
static char folder[64];

static int set_up(void **state)
{
    int at;

    strcpy(folder, "/var/tmp/test_limits.XXXXXX");
    if (!mkdtemp(folder) || (at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
        return -1;
    for (size_t i = 0; i < NAMES; i++)
        close(openat(at, names[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    *state = (void *)(intptr_t)at;
    return 0;
}

static int tear_down(void **state)
{
    int at = (int)(intptr_t)*state;

    for (size_t i = 0; i < NAMES; i++)
        unlinkat(at, names[i], 0);
    close(at);
    return rmdir(folder);
}

static void expect(int at, const char *name, const char *text)
{
    int fd = openat(at, name, O_RDWR | O_CLOEXEC);
    char found[256];
    ssize_t n = read(fd, found, sizeof found - 1);

    assert_true(n >= 0);
    found[n] = '\0';
    assert_string_equal(found, text);
    assert_int_equal(ftruncate(fd, 0), 0); /* of a group's file, each write is the whole */
    close(fd);
}

static void set_limits__each__as_the_kernel_wants_it(void **state)
{
    const struct io_limit disk = {
        .major = 8, .minor = 16, .rate = {10 << 20, UINT64_MAX, 500, UINT64_MAX}};
    const struct resource_settings limits = {.memory = {true, 1 << 20, 2 << 20},
                                             .swap = {true, 0, 0},
                                             .processes = {true, 5, UINT64_MAX},
                                             .cpu = 150,
                                             .cpu_weight = 50,
                                             .io_weight = 200,
                                             .io = &disk,
                                             .io_count = 1};
    int at = (int)(intptr_t)*state;

    assert_int_equal(cgroup_controllers_of(&limits),
                     CONTROLLER_CPU | CONTROLLER_MEMORY | CONTROLLER_PIDS | CONTROLLER_IO);
    assert_int_equal(cgroup_set_limits(at, &limits), 0);
    expect(at, "memory.max", "2097152");
    expect(at, "memory.high", "1048576");
    expect(at, "memory.swap.max", "0");
    expect(at, "pids.max", "max");
    expect(at, "cpu.max", "150000 100000");
    expect(at, "cpu.weight", "50");
    expect(at, "io.weight", "200");
    expect(at, "io.max", "8:16 rbps=10485760 wbps=max riops=500 wiops=max");
}

static void set_limits__of_a_disk_alone__needs_the_controller(void **state)
{
    const struct io_limit disk = {.rate = {1, 1, 1, 1}};
    const struct resource_settings limits = {.io = &disk, .io_count = 1};
    int at = (int)(intptr_t)*state;

    assert_int_equal(cgroup_controllers_of(&limits), CONTROLLER_IO);
    assert_int_equal(unlinkat(at, "io.max", 0), 0);
    assert_int_equal(cgroup_set_limits(at, &limits), -ENOENT);
}

/* What an earlier configuration limited, and this one does not. */
static void lift_limits__some_kept__the_others_undone(void **state)
{
    const struct resource_settings limits = {.processes = {true, 5, 5}, .cpu = 50};
    int at = (int)(intptr_t)*state, fd = openat(at, "io.max", O_WRONLY | O_CLOEXEC);

    assert_int_equal(write(fd, "8:0 rbps=1 wbps=max riops=max wiops=max\n", 40), 40);
    close(fd);
    cgroup_lift_limits(at, &limits);
    expect(at, "memory.max", "max");
    expect(at, "memory.high", "max");
    expect(at, "memory.swap.max", "max");
    expect(at, "pids.max", "");
    expect(at, "cpu.max", "");
    expect(at, "cpu.weight", "100");
    expect(at, "io.weight", "default 100");
    expect(at, "io.max", "8:0 rbps=max wbps=max riops=max wiops=max");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(set_limits__each__as_the_kernel_wants_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(set_limits__of_a_disk_alone__needs_the_controller, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(lift_limits__some_kept__the_others_undone, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

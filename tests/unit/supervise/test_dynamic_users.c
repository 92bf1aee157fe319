/*
 * dynamic_users: uids are given out once, in turn, and not while a process has them.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/dynamic_users.h"
#include "unit.h"

#define FIRST 64410 /* nobody's, here and on any ordinary host */

static void take__each__another_until_none_is_left(void **state)
{
    struct dynamic_users users = {0};
    uid_t uid, again;
    uint64_t retry = 0;

    (void)state;
    assert_true(dynamic_users_configure(&users, FIRST, FIRST + 3));
    for (uid_t i = 0; i < 4; i++) {
        assert_true(dynamic_users_room(&users, 0, &retry));
        assert_true(dynamic_users_take(&users, 0, &uid));
        assert_int_equal(uid, FIRST + i);
    }
    assert_false(dynamic_users_room(&users, 50, &retry));
    assert_true(retry > 50);
    assert_false(dynamic_users_take(&users, 50, &again));
    dynamic_users_give_back(&users, FIRST + 2);
    assert_false(dynamic_users_room(&users, 51, &retry)); /* the failure was just now */
    assert_true(dynamic_users_room(&users, retry, &retry));
    assert_true(dynamic_users_take(&users, retry, &again));
    assert_int_equal(again, FIRST + 2);
    dynamic_users_free(&users);
}

static void give_back__twice_or_not_ours__counts_once(void **state)
{
    struct dynamic_users users = {0};
    uid_t uid;

    (void)state;
    assert_true(dynamic_users_configure(&users, FIRST, FIRST + 1));
    assert_true(dynamic_users_take(&users, 0, &uid));
    dynamic_users_give_back(&users, uid);
    dynamic_users_give_back(&users, uid);
    dynamic_users_give_back(&users, (uid_t)-1);
    dynamic_users_give_back(&users, 0);
    assert_int_equal(users.taken, 0);
    dynamic_users_free(&users);
}

static void configure__another_range__those_in_both_stay_in_use(void **state)
{
    struct dynamic_users users = {0};
    uint64_t retry;
    uid_t uid;

    (void)state;
    assert_true(dynamic_users_configure(&users, FIRST, FIRST + 3));
    for (int i = 0; i < 4; i++)
        assert_true(dynamic_users_take(&users, 0, &uid));
    assert_true(dynamic_users_configure(&users, FIRST + 2, FIRST + 4));
    assert_int_equal(users.taken, 2);
    assert_true(dynamic_users_take(&users, 0, &uid));
    assert_int_equal(uid, FIRST + 4);
    assert_false(dynamic_users_room(&users, 0, &retry));
    assert_true(dynamic_users_configure(&users, FIRST - 4, FIRST + 2));
    assert_int_equal(users.taken, 1);
    assert_true(dynamic_users_configure(&users, 0, 0));
    assert_false(dynamic_users_take(&users, 0, &uid));
    dynamic_users_free(&users);
}

/* A process that has the uid. */
static pid_t somebody(uid_t uid)
{
    int ready[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (setresuid(uid, uid, uid) != 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void take__a_process_has_it__passed_over(void **state)
{
    struct dynamic_users users = {0};
    uint64_t retry = 0;
    uid_t uid;
    pid_t pid;

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_true(dynamic_users_configure(&users, FIRST, FIRST + 1));
    pid = somebody(FIRST);
    assert_true(dynamic_users_take(&users, 0, &uid));
    assert_int_equal(uid, FIRST + 1);
    assert_false(dynamic_users_take(&users, 0, &uid));
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT), 0);
    assert_false(dynamic_users_take(&users, 0, &uid)); /* nor a zombie's */
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(dynamic_users_room(&users, 0, &retry));
    assert_true(dynamic_users_take(&users, retry, &uid));
    assert_int_equal(uid, FIRST);
    dynamic_users_free(&users);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(take__each__another_until_none_is_left),
        cmocka_unit_test(give_back__twice_or_not_ours__counts_once),
        cmocka_unit_test(configure__another_range__those_in_both_stay_in_use),
        cmocka_unit_test(take__a_process_has_it__passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

//! What a process that is killed leaves.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use audit_core::Event;
use audit_lane::{Lane, Overflow};
use audit_sqlx::AuditDatabase;
use audit_testkit::Server;

use super::world::{LONG, World, numbered, pool};

/// What tells a process where to write and to spill.
const CHILD: [&str; 2] = ["AUDIT_TEST_LANE_URL", "AUDIT_TEST_LANE_FILE"];

/// What a process says when it has spilled all that it is to.
const SPILLED: &str = "all is spilled";

const SENT: usize = 400;

/// Sends more than there is room for in memory, says so, and never ends.
async fn spill<DB: AuditDatabase>(url: &str, file: &str) {
    let overflow = Overflow::Spill {
        path: file.into(),
        max_bytes: u64::MAX,
    };
    let pool = pool::<DB>(url).await;
    let sink = audit_sqlx::event_sink(&pool).unwrap();
    let lane = Lane::builder(sink, overflow).max_events(1).start().unwrap();
    for name in numbered(0..SENT) {
        lane.send(Event::custom(name)).await.unwrap();
    }
    println!("{SPILLED}");
    std::future::pending::<()>().await;
}

pub(crate) async fn a_process_that_is_killed_loses_nothing_that_it_spilled<DB: AuditDatabase>(
    server: Server,
) {
    if let [Ok(url), Ok(file)] = CHILD.map(std::env::var) {
        return spill::<DB>(&url, &file).await;
    }
    let mut world = World::<DB>::new(server).await;
    world.stall().await;
    let file = world.file();
    let [url_is, file_is] = CHILD;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            std::thread::current().name().unwrap(),
            "--nocapture",
        ])
        .env(url_is, world.database.url())
        .env(file_is, &file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The test runner writes the name of the test in front of the first word.
    let said = lines.find(|line| line.as_ref().unwrap().ends_with(SPILLED));
    assert!(said.is_some(), "the process failed: {:?}", child.wait());
    child.kill().unwrap();
    child.wait().unwrap();
    world.go_on().await;
    let left = std::fs::read(&file).unwrap();

    let next = world.lane(world.spilling(), 10);
    assert_eq!(next.shutdown(LONG).await.in_file, 0);
    drop(next);
    // All but the one that was in memory, which the server may have had.
    let spilled = numbered(1..SENT);
    let mut actions = world.actions().await;
    actions.retain(|action| action != "step 000000");
    assert_eq!(actions, spilled);

    // A process that is killed when it has written, and before it has cut the file.
    std::fs::write(&file, &left).unwrap();
    let again = world.lane(world.spilling(), 10);
    assert_eq!(again.shutdown(LONG).await.in_file, 0);
    assert_eq!(again.counts().refused, 0);
    let mut actions = world.actions().await;
    actions.retain(|action| action != "step 000000");
    assert_eq!(actions, spilled);
}

//! What an example does not do, and says.

use super::Example;

/// Arguments that make no sense.
pub fn what_cannot_be_asked_for_is_refused_before_anything_runs(example: Example) {
    for (arguments, words) in [
        (
            &["--database-url", "oracle://x"][..],
            "starts with `sqlite://`",
        ),
        (&["--database-url", "sqlite::memory:"], "name a file"),
        (&["--format", "ndjson"], "--demo"),
        (&["--port", "x"], "--port"),
    ] {
        let output = example.run(arguments);
        let talk = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{talk}");
        assert!(talk.contains(words), "{talk}");
    }
}

/// The error says what to look at.
pub fn a_database_that_cannot_be_opened_is_an_error_that_helps(example: Example) {
    let (file, server) = (
        "sqlite://no/such/folder/app.db",
        "postgres://nobody@127.0.0.1:1/x",
    );
    for (url, advice) in [
        (file, "needs `?mode=rwc`"),
        (server, "see that the server runs"),
    ] {
        let output = example.run(&["--demo", "--database-url", url]);
        assert_eq!(output.status.code(), Some(1));
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(talk.contains(advice), "{talk}");
    }
}

//! Prints the names of the ways to break the triggers of the database that is named, one a line.
#![expect(clippy::print_stdout, reason = "it is what the program is for")]

fn main() {
    let database = std::env::args().nth(1).unwrap_or_default();
    for name in audit_testkit::sabotage::names(&database) {
        println!("{name}");
    }
}

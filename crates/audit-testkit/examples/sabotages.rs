//! Prints the names of the ways to break the triggers, one a line.
#![expect(clippy::print_stdout, reason = "it is what the program is for")]

fn main() {
    for name in audit_testkit::sabotage::names() {
        println!("{name}");
    }
}

//! What is printed, without what differs from run to run.

/// A text without its times, ids and cursors.
pub(crate) fn without_numbers(text: &str) -> String {
    let mut masked = String::new();
    for line in text.lines() {
        let is_id = |word: &str| {
            word.len() >= 26
                && word
                    .chars()
                    .all(|c| c.is_ascii_hexdigit() || "-:.TZ".contains(c))
        };
        let is_time = |word: &str| {
            let is_clock = |c: char| c.is_ascii_digit() || "-:".contains(c);
            word.len() >= 8 && word.chars().all(is_clock) && word.contains([':', '-'])
        };
        let is_cursor = |word: &str| {
            let is_of_cursor = |c: char| c.is_ascii_alphanumeric() || "-_=".contains(c);
            word.len() >= 60 && word.chars().all(is_of_cursor)
        };
        let word = |word: &str| match is_id(word) || is_time(word) || is_cursor(word) {
            true => "*".repeat(word.len().min(10)),
            false => word.to_owned(),
        };
        let words: Vec<String> = line.split(' ').map(word).collect();
        masked += words.join(" ").trim_end();
        masked.push('\n');
    }
    masked
}

//! Text broken into lines. It knows no terminal: the width is handed in.

/// Returns the text in lines of at most `width` characters, broken at blanks; a longer word stays whole.
pub(crate) fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut length) = (String::new(), 0);
    for word in text.split_whitespace() {
        let letters = word.chars().count();
        if length > 0 && length + 1 + letters > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += letters;
    }
    lines.push(line);
    lines
}

/// Returns the text as one string with line breaks. Lines that fit stay as they are.
pub(crate) fn block(text: &str, width: usize) -> String {
    let line = |line: &str| match line.chars().count() <= width {
        true => line.to_owned(),
        false => lines(line, width).join("\n"),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

//! Drawing characters so that each is as likely as any other.
//!
//! It must not know what the characters are for.

use model::Fault;
use model::context::Random;
use zeroize::Zeroizing;

use super::spec::PasswordSpec;

/// Draws a password: as many of each set as there must be at least, the rest from all of them, and
/// then all of it shuffled.
pub(super) fn password(spec: &PasswordSpec, random: &dyn Random) -> Result<String, Fault> {
    let mut drawn = Zeroizing::new(Vec::with_capacity(spec.length as usize));
    let mut all = Vec::new();
    for set in &spec.sets {
        let letters = spec.letters(*set);
        for _ in 0..spec.least.of(*set) {
            drawn.push(pick(&letters, random)?);
        }
        all.extend(letters);
    }
    all.sort_unstable();
    all.dedup();
    while drawn.len() < spec.length as usize {
        drawn.push(pick(&all, random)?);
    }
    // Fisher and Yates: every order is as likely as any other.
    for last in (1..drawn.len()).rev() {
        let other = below(last as u32 + 1, random) as usize;
        drawn.swap(last, other);
    }
    Ok(drawn.iter().collect())
}

fn pick(letters: &[char], random: &dyn Random) -> Result<char, Fault> {
    let none = || Fault::refused("there are no characters to choose from");
    let count = u32::try_from(letters.len()).ok().filter(|count| *count > 0).ok_or_else(none)?;
    Ok(letters[below(count, random) as usize])
}

/// Returns a number below `count`, each as likely as any other: numbers from the last, incomplete
/// round are drawn again, since a remainder would favour the small ones.
fn below(count: u32, random: &dyn Random) -> u32 {
    let whole = u32::MAX - u32::MAX % count;
    loop {
        let mut bytes = [0; 4];
        random.fill(&mut bytes);
        let number = u32::from_le_bytes(bytes);
        if number < whole {
            return number % count;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

    use std::sync::Mutex;

    use super::*;

    /// Hands out these numbers, one after the other.
    struct Dice(Mutex<Vec<u32>>);

    impl Random for Dice {
        fn fill(&self, buffer: &mut [u8]) {
            let number = self.0.lock().unwrap().remove(0);
            buffer.copy_from_slice(&number.to_le_bytes());
        }
    }

    #[test]
    fn a_number_from_the_incomplete_round_is_drawn_again() {
        let dice = Dice(Mutex::new(vec![u32::MAX, u32::MAX - 1, 12]));
        assert_eq!(below(10, &dice), 2);
        assert!(dice.0.lock().unwrap().is_empty());
    }

    #[test]
    fn every_number_below_the_count_is_as_likely() {
        let numbers = (0..30).collect::<Vec<u32>>();
        let dice = Dice(Mutex::new(numbers));
        let mut seen = [0; 3];
        for _ in 0..30 {
            seen[below(3, &dice) as usize] += 1;
        }
        assert_eq!(seen, [10, 10, 10]);
    }
}

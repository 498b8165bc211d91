//! Whether a WebSocket's backend has said goodbye: a Close frame makes its end a good one (RFC 6455, 5.5.1).

/// Follows frames without keeping them.
#[derive(Default)]
pub(crate) struct Frames {
    head: [u8; 14],
    /// So many bytes of the head have come.
    have: usize,
    /// So many bytes of the payload are still to come.
    payload: u64,
    closed: bool,
}

impl Frames {
    /// Returns whether a Close frame has begun.
    pub(crate) fn closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload > 0 {
                let skipped = self.payload.min(bytes.len() as u64);
                self.payload -= skipped;
                bytes = &bytes[skipped as usize..];
            } else {
                self.head[self.have] = bytes[0];
                self.have += 1;
                bytes = &bytes[1..];
                self.begin();
            }
        }
    }

    /// Goes on to the payload once the head is whole.
    fn begin(&mut self) {
        if self.have < 2 {
            return;
        }
        let (short, mask) = (self.head[1] & 0x7f, if self.head[1] & 0x80 == 0 { 0 } else { 4 });
        let extra = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if self.have < 2 + extra + mask {
            return;
        }
        let long = self.head[2..2 + extra].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        self.payload = if extra == 0 { u64::from(short) } else { long };
        self.closed |= self.head[0] & 0x0f == 8;
        self.have = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(bytes: &[u8]) -> bool {
        let (mut whole, mut split) = (Frames::default(), Frames::default());
        whole.follow(bytes);
        bytes.iter().for_each(|byte| split.follow(&[*byte]));
        assert_eq!(whole.closed(), split.closed(), "the same wherever it is cut");
        whole.closed()
    }

    #[test]
    fn a_close_frame_is_seen_after_frames_of_every_length() {
        let short = [0x81, 2, 0x88, 0x88];
        let long = [&[0x82, 126, 1, 0][..], &[0x88; 256]].concat();
        let longest = [&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &vec![0x88; 65536]].concat();
        let masked = [0x81, 0x81, 0x88, 0x88, 0x88, 0x88, 0x88];
        let empty = [0x89, 0];
        for frames in [&short[..], &long, &longest, &masked, &empty] {
            assert!(!closed(frames), "no close in {} bytes", frames.len());
            assert!(closed(&[frames, &[0x88, 0]].concat()), "a close after {} bytes", frames.len());
        }
    }
}

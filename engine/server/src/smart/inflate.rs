//! Takes apart bodies that `git` has compressed, piece by piece.

use std::io::{self, Write};

use flate2::write::GzDecoder;

/// So much is put in at once, so that what comes out stays small: gzip grows by a thousand at most.
const PIECE: usize = 4 << 10;

/// A body on its way in: plain, or compressed.
pub(super) enum Inflate {
    Plain,
    Gzip(Box<GzDecoder<Vec<u8>>>),
}

impl Inflate {
    /// Returns what takes apart a body with this `Content-Encoding` (RFC 9110, section 8.4).
    pub(super) fn of(encoding: Option<&str>) -> Option<Self> {
        match encoding {
            None | Some("identity") => Some(Self::Plain),
            Some("gzip" | "x-gzip") => Some(Self::Gzip(Box::new(GzDecoder::new(Vec::new())))),
            Some(_) => None,
        }
    }

    /// Returns the pieces of a body that are handed on one after the other.
    pub(super) fn pieces<'b>(&self, bytes: &'b [u8]) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        let size = if matches!(self, Self::Plain) { bytes.len().max(1) } else { PIECE };
        bytes.chunks(size)
    }

    /// Takes apart one piece.
    pub(super) fn take(&mut self, piece: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(piece.to_vec()),
            Self::Gzip(decoder) => {
                decoder.write_all(piece)?;
                Ok(std::mem::take(decoder.get_mut()))
            }
        }
    }

    /// Returns what is left at the end.
    pub(super) fn rest(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(Vec::new()),
            Self::Gzip(decoder) => decoder.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    #[test]
    fn a_compressed_body_comes_out_as_it_was() {
        let text = vec![b'a'; 3 << 20];
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&text).expect("memory");
        let packed = encoder.finish().expect("memory");
        let mut inflate = Inflate::of(Some("gzip")).expect("known");
        let mut out = Vec::new();
        for piece in inflate.pieces(&packed) {
            out.extend(inflate.take(piece).expect("well formed"));
        }
        out.extend(inflate.rest().expect("whole"));
        assert!(out == text, "{} bytes", out.len());
        assert!(Inflate::of(Some("br")).is_none());
    }
}

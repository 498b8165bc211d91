//! What restic says while it works, line by line: JSON on its standard output, and complaints.
//!
//! It must not keep what is only progress.

use serde::Deserialize;

use super::super::archive::Taken;

/// Cuts bytes into lines as they come.
#[derive(Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    pub(super) fn take(&mut self, bytes: &[u8], see: &mut dyn FnMut(&str)) {
        self.0.extend(bytes);
        let mut start = 0;
        while let Some(length) = self.0[start..].iter().position(|byte| *byte == b'\n') {
            see(&String::from_utf8_lossy(&self.0[start..start + length]));
            start += length + 1;
        }
        self.0.drain(..start);
    }

    pub(super) fn end(&mut self, see: &mut dyn FnMut(&str)) {
        if !self.0.is_empty() {
            see(&String::from_utf8_lossy(&std::mem::take(&mut self.0)));
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "message_type", rename_all = "snake_case")]
enum Message {
    Status {
        #[serde(default)]
        percent_done: f64,
        #[serde(default)]
        bytes_done: u64,
    },
    Summary {
        snapshot_id: Option<String>,
        #[serde(default)]
        total_bytes_processed: u64,
        #[serde(default)]
        data_added: u64,
        #[serde(default)]
        total_files_processed: u64,
    },
    Error {
        #[serde(default)]
        item: String,
    },
    #[serde(other)]
    Other,
}

/// A backup that is under way.
#[derive(Default)]
pub(super) struct Upload {
    pub(super) taken: Taken,
}

impl Upload {
    /// Takes in a line of restic's; None: it is for people. `status` is told how far it is.
    pub(super) fn hear(&mut self, line: &str, status: &mut dyn FnMut(&str)) -> Option<()> {
        match serde_json::from_str(line).ok()? {
            Message::Status { percent_done, bytes_done } if percent_done > 0.0 => {
                status(&format!("{:.0} %, {}", percent_done * 100.0, bytes(bytes_done)));
            }
            Message::Status { bytes_done, .. } => status(&bytes(bytes_done)),
            Message::Summary {
                snapshot_id,
                total_bytes_processed,
                data_added,
                total_files_processed,
            } => {
                self.taken.id = snapshot_id.unwrap_or_default();
                self.taken.size = total_bytes_processed;
                self.taken.added = data_added;
                self.taken.files = total_files_processed;
            }
            Message::Error { item } => {
                if !self.taken.unread.contains(&item) {
                    self.taken.unread.push(item);
                }
            }
            Message::Other => {}
        }
        Some(())
    }
}

/// Returns a number of bytes as people say it.
pub fn bytes(number: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (number as f64, "B");
    for next in units {
        if value < 999.5 {
            break;
        }
        (value, unit) = (value / 1_000.0, next);
    }
    if unit == "B" || value >= 9.95 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_heard_from_its_lines() {
        let mut upload = Upload::default();
        let mut said = Vec::new();
        for line in [
            r#"{"message_type":"status","percent_done":0.42,"bytes_done":41000000}"#,
            r#"{"message_type":"error","error":{},"during":"scan","item":"/d/sub"}"#,
            r#"{"message_type":"error","error":{},"during":"archival","item":"/d/sub"}"#,
            r#"{"message_type":"summary","data_added":705,"total_files_processed":1,"total_bytes_processed":2,"snapshot_id":"b8fb73a2"}"#,
        ] {
            assert!(upload.hear(line, &mut |text| said.push(text.to_owned())).is_some());
        }
        assert_eq!(said, ["42 %, 41 MB"]);
        assert_eq!((&*upload.taken.id, upload.taken.size), ("b8fb73a2", 2));
        assert_eq!(upload.taken.unread, ["/d/sub"]);
        assert!(upload.hear("Fatal: no", &mut |_| {}).is_none());
    }

    #[test]
    fn bytes_have_a_unit() {
        let said = [0, 999, 1_000, 9_949, 41_400_000, 2_500_000_000].map(bytes);
        assert_eq!(said, ["0 B", "999 B", "1.0 kB", "9.9 kB", "41 MB", "2.5 GB"]);
    }
}

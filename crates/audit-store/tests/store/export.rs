//! The log as files.

use audit_core::query::LogQuery;
use audit_store::export::{Csv, Format};
use audit_testkit::Server;

use super::events::{drawn, made};
use super::world::{Db, World};

/// Whatever the length of a page is, and in the order of the query.
pub(crate) async fn a_file_reads_back_as_the_events<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let formats = [
        Format::CloudEvents,
        Format::Csv(Csv::default()),
        Format::Ecs,
        Format::Json,
        Format::Ndjson,
        Format::Ocsf,
    ];
    let query = LogQuery::new().oldest_first();
    for count in [0, 60] {
        if count > 0 {
            world.put(&drawn(&made(), count)).await;
        }
        let events = world.events().await;
        assert_eq!(events.is_empty(), count == 0);
        for format in &formats {
            let mut files = Vec::new();
            // The last page is short, empty, or the only one.
            let even = u32::try_from(events.len()).unwrap().max(1);
            for limit in [7, even, 10_000] {
                let query = query.clone().limit(limit);
                let mut trail = world.trail();
                let mut export = trail.export(&query, format.clone());
                let mut pieces = Vec::new();
                while let Some(piece) = export.next().await.unwrap() {
                    assert!(!piece.is_empty());
                    pieces.push(piece);
                }
                assert!(limit > 7 || count == 0 || pieces.len() > 5);
                assert_eq!(export.next().await.unwrap(), None);
                let file = pieces.concat();
                let read: Result<Vec<_>, _> = format.read(file.as_slice()).collect();
                assert_eq!(read.unwrap(), events);

                let mut out = Vec::new();
                let export = trail.export(&query, format.clone());
                let written = export.write_to(&mut out).await.unwrap();
                assert_eq!(written, u64::try_from(events.len()).unwrap());
                assert_eq!(out, file);
                files.push(file);
            }
            files.dedup();
            assert_eq!(files.len(), 1);
        }
    }
}

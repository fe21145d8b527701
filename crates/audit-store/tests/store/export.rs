//! The log as files.

use audit_core::query::LogQuery;
use audit_store::export::{Csv, Format, Progress};
use audit_testkit::Server;
use futures_util::StreamExt as _;

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

/// It is the same file, it tells before its first byte what cannot be asked, and a log that is gone
/// meanwhile is its last item.
pub(crate) async fn a_download_is_the_file<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    world.put(&drawn(&made(), 60)).await;
    let query = LogQuery::new().limit(7);
    let mut file = Vec::new();
    let export = world
        .trail()
        .export(&query, Format::Json)
        .write_to(&mut file)
        .await;
    assert!(export.unwrap() > 30);
    let mut download = world.trail().download(&query, Format::Json).await.unwrap();
    let mut downloaded = Vec::new();
    while let Some(piece) = download.next().await {
        downloaded.extend(piece.unwrap());
    }
    assert_eq!(downloaded, file);

    let refused = world
        .trail()
        .download(&query.clone().limit(0), Format::Json)
        .await;
    assert!(refused.is_err());

    // A trail reaches no more for being asked to go on with what another one began.
    let mut progress = Progress::new(&query, Format::Ndjson);
    progress.next(&mut world.trail()).await.unwrap().unwrap();
    let mut fenced = world.trail().tenant("a");
    while let Some(piece) = progress.next(&mut fenced).await.unwrap() {
        for event in Format::Ndjson.read(piece.as_slice()) {
            assert_eq!(event.unwrap().tenant_id.as_deref(), Some("a"));
        }
    }

    let mut download = world.trail().download(&query, Format::Json).await.unwrap();
    download.next().await.unwrap().unwrap();
    let gone = format!("DROP TABLE {}", world.log_table());
    world.raw.run(&gone).await;
    assert!(download.next().await.unwrap().is_err());
    assert!(download.next().await.is_none());
}

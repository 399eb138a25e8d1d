//! rtnetlink, the way its documentation shows it.
//!
//!     rust-rtnetlink WORKLOAD COUNT PARENT_INDEX TARGET

use std::error::Error;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::io::{AsRawFd, RawFd};
use std::time::Instant;

use futures::future::try_join_all;
use futures::stream::{StreamExt, TryStreamExt};
use nix::sched::{setns, CloneFlags};
use rtnetlink::packet::nlas::link::Nla;
use rtnetlink::packet::{
    LinkMessage, NetlinkMessage, NetlinkPayload, RtnlMessage, MACVLAN_MODE_BRIDGE, NLM_F_ACK,
    NLM_F_REQUEST,
};
use rtnetlink::{new_connection, Handle, NetworkNamespace};

type Failure = Box<dyn Error>;

const LOOPBACK: u32 = 1;

struct Task {
    count: usize,
    parent: u32,
    target: String,
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn connect() -> Result<Handle, Failure> {
    let (connection, handle, _) = new_connection()?;
    tokio::spawn(connection);
    Ok(handle)
}

/// A connection whose socket is in another namespace.
fn connect_in(space: RawFd, home: RawFd) -> Result<Handle, Failure> {
    setns(space, CloneFlags::CLONE_NEWNET)?;
    let handle = connect();
    setns(home, CloneFlags::CLONE_NEWNET)?;
    handle
}

async fn create(
    handle: &Handle,
    parent: u32,
    name: String,
    space: Option<RawFd>,
    index: u32,
) -> Result<(), Failure> {
    let mut request = handle.link().add().macvlan(name, parent, MACVLAN_MODE_BRIDGE);
    let message = request.message_mut();
    message.header.flags = 0;
    message.header.change_mask = 0;
    message.header.index = index;
    if let Some(fd) = space {
        message.nlas.push(Nla::NetNsFd(fd));
    }
    Ok(request.execute().await?)
}

async fn links(handle: &Handle) -> Result<Vec<LinkMessage>, Failure> {
    Ok(handle.link().get().execute().try_collect().await?)
}

async fn prepared(handle: &Handle) -> Result<Vec<u32>, Failure> {
    let ours = |nla: &Nla| matches!(nla, Nla::IfName(name) if name.starts_with("mv"));
    let all = links(handle).await?;
    Ok(all
        .iter()
        .filter(|link| link.nlas.iter().any(ours))
        .map(|link| link.header.index)
        .collect())
}

/// In place of `handle.link().del(index)`, which in this version sends NLM_F_EXCL: kernels since
/// 5.19 read that bit of a deletion as NLM_F_BULK and refuse it for links (EOPNOTSUPP).
async fn delete(handle: &Handle, index: u32) -> Result<(), Failure> {
    let mut message = LinkMessage::default();
    message.header.index = index;
    let mut request = NetlinkMessage::from(RtnlMessage::DelLink(message));
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK;
    let mut answers = handle.clone().request(request)?;
    while let Some(answer) = answers.next().await {
        if let NetlinkPayload::Error(error) = answer.payload {
            return Err(error.to_io().into());
        }
    }
    Ok(())
}

async fn delete_each(handle: &Handle, indexes: &[u32]) -> Result<(), Failure> {
    for index in indexes {
        delete(handle, *index).await?;
    }
    Ok(())
}

async fn list(task: &Task, handle: &Handle) -> Result<String, Failure> {
    let mut times = Vec::new();
    for _ in 0..7 {
        let start = Instant::now();
        let found = links(handle).await?.len();
        times.push(milliseconds(start));
        if found < task.count {
            return Err(format!("{} links listed, of {}", found, task.count).into());
        }
    }
    let first = times[0];
    times.sort_by(f64::total_cmp);
    Ok(format!("{{\"ms\":{},\"firstMs\":{}}}", times[3], first))
}

async fn attach(task: &Task, handle: &Handle, home: RawFd, number: usize) -> Result<(), Failure> {
    let space = File::open(format!("{}{}", task.target, number))?;
    // A chosen index, because the answer does not tell the one that the kernel chose.
    let index = 100_000 + number as u32;
    create(handle, task.parent, "eth0".into(), Some(space.as_raw_fd()), index).await?;
    let inside = connect_in(space.as_raw_fd(), home)?;
    let address = Ipv4Addr::new(10, (number / 250) as u8, (number % 250) as u8, 2);
    inside.address().add(index, IpAddr::V4(address), 24).execute().await?;
    inside.link().set(index).up().execute().await?;
    inside.link().set(LOOPBACK).up().execute().await?;
    Ok(())
}

fn percentiles(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    format!(
        "{{\"p50us\":{},\"p99us\":{},\"maxUs\":{},\"requests\":{}}}",
        times[times.len() / 2] * 1e3,
        times[times.len() * 99 / 100] * 1e3,
        times[times.len() - 1] * 1e3,
        times.len()
    )
}

async fn round_trip(handle: &Handle, index: u32) -> Result<f64, Failure> {
    let start = Instant::now();
    handle.link().set(index).up().execute().await?;
    Ok(milliseconds(start))
}

async fn latency(task: &Task, handle: &Handle) -> Result<String, Failure> {
    let mut times = Vec::new();
    for made in 0..task.count + 100 {
        let took = round_trip(handle, task.parent).await?;
        if made >= 100 {
            times.push(took);
        }
    }
    Ok(percentiles(times))
}

async fn run(workload: &str, task: &Task) -> Result<String, Failure> {
    let home = File::open("/proc/thread-self/ns/net")?;
    let handle = connect()?;
    let parent = task.parent;
    let name = |number: usize| format!("mv{}", number);
    let start;
    match workload {
        "create" => {
            start = Instant::now();
            for number in 0..task.count {
                create(&handle, parent, name(number), None, 0).await?;
            }
        }
        "create-all" => {
            start = Instant::now();
            try_join_all((0..task.count).map(|n| create(&handle, parent, name(n), None, 0)))
                .await?;
        }
        "create-into" => {
            let space = File::open(&task.target)?;
            start = Instant::now();
            for number in 0..task.count {
                create(&handle, parent, name(number), Some(space.as_raw_fd()), 0).await?;
            }
        }
        "delete" => {
            let indexes = prepared(&handle).await?;
            start = Instant::now();
            delete_each(&handle, &indexes).await?;
        }
        "attach" => {
            start = Instant::now();
            for number in 0..task.count {
                attach(task, &handle, home.as_raw_fd(), number).await?;
            }
        }
        "netns" => {
            let prefix = task.target.rsplit('/').next().unwrap_or_default();
            start = Instant::now();
            for number in 0..task.count {
                NetworkNamespace::add(format!("{}{}", prefix, number)).await?;
            }
        }
        "list" => return list(task, &handle).await,
        "latency" => return latency(task, &handle).await,
        _ => return Err(format!("no such workload: {}", workload).into()),
    }
    Ok(format!("{{\"ms\":{}}}", milliseconds(start)))
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let task = Task {
        count: arguments[2].parse()?,
        parent: arguments[3].parse()?,
        target: arguments.get(4).cloned().unwrap_or_default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{}", runtime.block_on(run(&arguments[1], &task))?);
    Ok(())
}

//! A sheet: some of a batch's codes, who holds them and how often they were redeemed.
//!
//! A hold whose time is over does not free the code by itself. The order that it names may be complete all the same: its
//! redemption is an effect, which a crash after the order's commit postpones. Or the order still waits for its payment. So
//! before the code is held for another order, whoever wants it looks at the orders that [`Coupon::lapsed`] names: a
//! complete one is redeemed ([`Sheet::redeem`]), one that still waits keeps its hold ([`Sheet::extend`]), and only what has
//! ended, or never came to be, is dropped ([`Reservation::ended`]). None that was absent then can still be placed: a hold
//! outlives the request that made it.
//!
//! **Size.** A sheet has at most [`LIVE_MAX`] holds and redemptions of the last [`REMEMBERED`], 28 bytes each at most; of
//! each code besides the last [`LATEST_KEPT`] redemptions; and where a customer's uses are limited 6 bytes for each
//! redemption, of which a sheet has at most 27,000 ([`crate::batch`]). That stays below 215 kB.

use serde::{Deserialize, Serialize};

use super::{CustomerTag, Offer, Presented};
use crate::{
    audit::Action,
    decision::Decision,
    refusal::Refusal,
    values::{BatchId, CouponId, OrderId, Seconds, SheetId, Timestamp},
};

/// How long an order that is paid at once holds a code before it is complete.
pub const RESERVATION: Seconds = Seconds::minutes(15);
/// A hold with less time left is renewed first, so that it cannot lapse while its request runs (30 s at most).
const RENEWAL_MARGIN: Seconds = Seconds::minutes(2);
/// How long every redemption is remembered with its order. A request that looked for the order before it was complete, and
/// holds the code after it was redeemed, must not hold it a second time; such a request is dead by then: it lives 30 s, the
/// redemption's time may be 30 s early, and clocks differ by less than 30 s.
pub const REMEMBERED: Seconds = Seconds::minutes(3);
/// How many redemptions of a code are remembered longer than that, for questions about what became of it.
pub const LATEST_KEPT: usize = 5;
/// Holds of a sheet, and redemptions of the last [`REMEMBERED`], at most: ten orders a second, or as many that wait for
/// their invoices to be paid.
pub const LIVE_MAX: usize = 2_000;
/// Lapsed holds that one request looks at.
pub const EXAMINED_MAX: usize = 16;
/// When somebody should try again who met holds that nobody has looked at, or too many orders at once.
const RETRY_AFTER: Seconds = Seconds(2);

/// An order's hold on a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The order.
    pub order: OrderId,
    /// Until when, unless the order turns out to be complete or to wait for longer.
    pub until: Timestamp,
    /// Whose order it is, where that matters.
    pub customer: Option<CustomerTag>,
}

/// An order that redeemed a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redemption {
    /// The order.
    pub order: OrderId,
    /// When.
    pub at: Timestamp,
}

/// One promo code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// Its name: a keyed index of the code.
    pub id: CouponId,
    /// How often it was redeemed.
    pub redeemed: u32,
    /// The orders that hold it.
    pub holds: Vec<Hold>,
    /// The last redemptions, oldest first.
    pub latest: Vec<Redemption>,
    /// Whose orders redeemed it, in ascending order and as often as they did; empty where that does not matter.
    customers: Vec<CustomerTag>,
}

/// Some of a batch's codes. It counts only once its batch names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// The record's id, drawn for it.
    pub id: SheetId,
    /// The batch.
    pub batch: BatchId,
    /// The codes, in the order of their names.
    coupons: Vec<Coupon>,
}

/// An order's wish to hold a code ([`super::Promo::reservation`]).
#[derive(Debug)]
pub struct Reservation<'a> {
    pub(super) presented: Presented,
    pub(super) offer: &'a Offer,
    pub(super) order: OrderId,
    pub(super) until: Timestamp,
    /// Orders whose holds have lapsed and which were looked at: they have ended, or never came to be.
    pub(super) ended: &'a [OrderId],
}

/// What became of a code, for the partner that pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can be used.
    Free,
    /// Orders hold what is left of its uses.
    Reserved,
    /// It was used as often as it can be.
    Redeemed,
    /// Its time has not come.
    NotYetValid,
    /// Its time is over.
    Expired,
}

impl State {
    /// The stable code for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Reserved => "reserved",
            Self::Redeemed => "redeemed",
            Self::NotYetValid => "not-yet-valid",
            Self::Expired => "expired",
        }
    }
}

/// How often codes were used, are held and can still be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Redemptions.
    pub redeemed: u64,
    /// Uses that orders hold, also those whose time is over and which nobody has looked at since.
    pub reserved: u64,
    /// Uses that are left.
    pub free: u64,
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            redeemed: self.redeemed.saturating_add(other.redeemed),
            reserved: self.reserved.saturating_add(other.reserved),
            free: self.free.saturating_add(other.free),
        }
    }
}

/// A code as the partner sees it that pays.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// What became of it.
    pub state: State,
    /// In numbers.
    pub tally: Tally,
    /// The orders that hold it.
    pub holds: &'a [Hold],
    /// The last redemptions, oldest first.
    pub latest: &'a [Redemption],
}

impl Coupon {
    fn fresh(id: CouponId) -> Self {
        Self { id, redeemed: 0, holds: Vec::new(), latest: Vec::new(), customers: Vec::new() }
    }

    /// Orders whose holds are over by time, [`EXAMINED_MAX`] at most. Each is to be looked at before the code is held for
    /// another order; one that is not looked at keeps its hold.
    pub fn lapsed(&self, now: Timestamp) -> Vec<OrderId> {
        self.holds.iter().filter(|hold| hold.until <= now).map(|hold| hold.order).take(EXAMINED_MAX).collect()
    }

    /// What the partner is told of it (SHP-2).
    pub fn standing(&self, offer: &Offer, now: Timestamp) -> Standing<'_> {
        let tally = self.tally(offer.uses);
        let state = match tally {
            Tally { reserved: 0, free: 0, .. } => State::Redeemed,
            _ if now < offer.valid_from => State::NotYetValid,
            _ if offer.valid_until <= now => State::Expired,
            Tally { free: 0, .. } => State::Reserved,
            _ => State::Free,
        };
        Standing { state, tally, holds: &self.holds, latest: &self.latest }
    }

    fn tally(&self, uses: u32) -> Tally {
        let (redeemed, reserved) = (u64::from(self.redeemed), self.holds.len() as u64);
        Tally { redeemed, reserved, free: u64::from(uses).saturating_sub(redeemed).saturating_sub(reserved) }
    }

    pub(super) fn is_free_for(&self, offer: &Offer, presented: &Presented, order: OrderId, now: Timestamp) -> bool {
        self.has_just_redeemed(order) || self.has_room(offer, presented, |hold| hold.order != order && now < hold.until)
    }

    /// Whether the order is among the last ones: a request that has not seen that it is complete asks for it again.
    fn has_just_redeemed(&self, order: OrderId) -> bool {
        self.latest.iter().any(|past| past.order == order)
    }

    /// Whether one more use is left, for this customer too, when these of the holds count.
    fn has_room(&self, offer: &Offer, presented: &Presented, counts: impl Fn(&Hold) -> bool) -> bool {
        let holds = || self.holds.iter().filter(|hold| counts(hold));
        let used = u64::from(self.redeemed).saturating_add(holds().count() as u64);
        let by_customer = match (offer.uses_per_customer, presented.customer) {
            (Some(limit), Some(customer)) => {
                let held = holds().filter(|hold| hold.customer == Some(customer)).count();
                self.redeemed_by(customer).saturating_add(held) < usize::try_from(limit).unwrap_or(usize::MAX)
            }
            _ => true,
        };
        used < u64::from(offer.uses) && by_customer
    }

    fn redeemed_by(&self, customer: CustomerTag) -> usize {
        let first = self.customers.partition_point(|other| *other < customer);
        let behind = self.customers.partition_point(|other| *other <= customer);
        behind.saturating_sub(first)
    }

    fn remember(&mut self, redemption: Redemption) {
        self.latest.push(redemption);
        let over = self.latest.len().saturating_sub(LATEST_KEPT);
        let old = |past: &&Redemption| past.at.plus(REMEMBERED) <= redemption.at;
        let forgotten = self.latest.iter().take(over).take_while(old).count();
        self.latest.drain(..forgotten);
    }
}

impl Sheet {
    /// A sheet of codes that nobody used.
    pub fn fresh(id: SheetId, batch: BatchId, names: &[CouponId]) -> Self {
        let mut coupons: Vec<Coupon> = names.iter().copied().map(Coupon::fresh).collect();
        coupons.sort_unstable_by_key(|coupon| coupon.id);
        Self { id, batch, coupons }
    }

    /// The code of this name.
    pub fn coupon(&self, id: CouponId) -> Option<&Coupon> {
        self.coupons.get(self.place(id)?)
    }

    /// Its codes.
    pub fn coupons(&self) -> &[Coupon] {
        &self.coupons
    }

    /// How often its codes were used and can still be used.
    pub fn tally(&self, offer: &Offer) -> Tally {
        self.coupons.iter().fold(Tally::default(), |sum, coupon| sum + coupon.tally(offer.uses))
    }

    fn place(&self, id: CouponId) -> Option<usize> {
        self.coupons.binary_search_by_key(&id, |coupon| coupon.id).ok()
    }

    fn coupon_mut(&mut self, id: CouponId) -> Option<&mut Coupon> {
        let place = self.place(id)?;
        self.coupons.get_mut(place)
    }

    /// Whether no further order fits in, whichever code it uses.
    fn is_full(&self, now: Timestamp) -> bool {
        let live = |coupon: &Coupon| {
            let redeemed = coupon.latest.iter().filter(|past| now < past.at.plus(REMEMBERED)).count();
            coupon.holds.len().saturating_add(redeemed)
        };
        self.coupons.iter().map(live).sum::<usize>() >= LIVE_MAX
    }

    /// Holds a code for an order (SHP-2, SHP-3). `None` when the order holds it already and long enough, or has just
    /// redeemed it.
    ///
    /// # Errors
    /// [`Refusal::PromoNotUsable`] when other orders have all of its uses, or the customer's own orders all that a customer
    /// may have; [`Refusal::Busy`] when only holds that have lapsed and that nobody has looked at stand in the way, or too
    /// many orders at once.
    pub fn reserve(mut self, wish: &Reservation<'_>, now: Timestamp) -> Result<Option<Decision<Self>>, Refusal> {
        let Reservation { presented, offer, order, until, ended } = *wish;
        let is_full = self.is_full(now);
        let coupon = self.coupon_mut(presented.coupon).ok_or(Refusal::PromoNotUsable)?;
        if coupon.has_just_redeemed(order) {
            return Ok(None);
        }
        let customer = presented.customer.filter(|_| offer.uses_per_customer.is_some());
        let own = coupon.holds.iter().find(|hold| hold.order == order);
        if own.is_some_and(|hold| now.plus(RENEWAL_MARGIN) < hold.until && hold.customer == customer) {
            return Ok(None);
        }
        let needs_place = is_full && own.is_none();
        let counts = |hold: &Hold| hold.order != order && !(hold.until <= now && ended.contains(&hold.order));
        if !coupon.has_room(offer, &presented, counts) {
            let would_be_free = coupon.is_free_for(offer, &presented, order, now);
            return Err(if would_be_free { BUSY } else { Refusal::PromoNotUsable });
        }
        let before = coupon.holds.len();
        coupon.holds.retain(counts);
        if needs_place && coupon.holds.len() == before {
            return Err(BUSY);
        }
        coupon.holds.push(Hold { order, until: until.max(now.plus(RENEWAL_MARGIN)), customer });
        Ok(Some(Decision::quiet(Action::PromoReservation, self)))
    }

    /// Lets the order hold the code for longer: it still waits for its payment. `None` when it holds it that long already, or
    /// not at all.
    pub fn extend(mut self, coupon: CouponId, order: OrderId, until: Timestamp) -> Option<Decision<Self>> {
        let hold = self.coupon_mut(coupon)?.holds.iter_mut().find(|hold| hold.order == order && hold.until < until)?;
        hold.until = until;
        Some(Decision::quiet(Action::PromoExtension, self))
    }

    /// Gives the code back that an order held until then: nothing will come of the order. `None` when it does not hold it, or
    /// holds it for longer: a payment that came after the order had lapsed has held it again.
    pub fn release(mut self, coupon: CouponId, order: OrderId, held_until: Timestamp) -> Option<Decision<Self>> {
        let coupon = self.coupon_mut(coupon)?;
        let place = coupon.holds.iter().position(|hold| hold.order == order && hold.until <= held_until)?;
        coupon.holds.remove(place);
        Some(Decision::quiet(Action::PromoRelease, self))
    }

    /// Turns the order's hold into a redemption. `None` when that happened before.
    pub fn redeem(mut self, coupon: CouponId, order: OrderId, now: Timestamp) -> Option<Decision<Self>> {
        let coupon = self.coupon_mut(coupon)?;
        let place = coupon.holds.iter().position(|hold| hold.order == order)?;
        let hold = coupon.holds.remove(place);
        coupon.redeemed = coupon.redeemed.saturating_add(1);
        if let Some(customer) = hold.customer {
            let place = coupon.customers.partition_point(|other| *other < customer);
            coupon.customers.insert(place, customer);
        }
        coupon.remember(Redemption { order, at: now });
        Some(Decision::quiet(Action::PromoRedemption, self))
    }
}

const BUSY: Refusal = Refusal::Busy { retry_after: RETRY_AFTER };

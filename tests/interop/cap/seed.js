// Writes db/data/*.csv: the same rows on every run. Usage: node seed.js [DIR, default: this folder]
const fs = require('node:fs');
const path = require('node:path');

const target = path.join(process.argv[2] ?? __dirname, 'db', 'data');
const start = Date.UTC(2026, 0, 5, 8, 0, 0);

/** A UUID that says which set and which row it is. */
const id = (set, row) => `${String(set).padStart(8, '0')}-0000-4000-8000-${String(row).padStart(12, '0')}`;
const pick = (list, row) => list[row % list.length];
const at = (row) => new Date(start + row * 61_000).toISOString();
const stamps = (row) => ({ createdAt: at(row), createdBy: 'seed', modifiedAt: at(row), modifiedBy: 'seed' });

function write(entity, rows) {
  const columns = Object.keys(rows[0]);
  const lines = rows.map((row) => columns.map((column) => row[column]).join(';'));
  fs.writeFileSync(path.join(target, `driftless.interop-${entity}.csv`), [columns.join(';'), ...lines, ''].join('\n'));
}

function rows(count, make) {
  return Array.from({ length: count }, (_, index) => make(index + 1));
}

const trades = ['Timber', 'Bakery', 'Shipping', 'Printing', 'Dairy', 'Glass', 'Seeds', 'Brewing', 'Textiles'];
const towns = ['Bergen', 'Porto', 'Ghent', 'Zadar', 'Turku', 'Leiden', 'Graz'];
const subjects = ['Follow up on offer', 'Visit the site', 'Call about delivery', 'Send samples', 'Plan the review'];
const kinds = ['call', 'task', 'visit'];
const troubles = ['Delivery late', 'Invoice differs from order', 'Machine stops', 'Wrong colour', 'Access lost'];
const categories = ['delivery', 'billing', 'technical', 'quality'];

fs.mkdirSync(target, { recursive: true });

write('Accounts', rows(130, (n) => ({
  ID: id(1, n), ...stamps(n),
  name: `${pick(towns, n)} ${pick(trades, n)} ${n}`, city: pick(towns, n), phone: `+00 55 ${1000 + n}`,
  rating: n % 5, revenue: `${n * 1250}.${String(n % 100).padStart(2, '0')}`,
  founded: `${1950 + (n % 60)}-0${1 + (n % 9)}-1${n % 10}`, active: n % 7 !== 0,
})));
write('Contacts', rows(90, (n) => ({
  ID: id(2, n), ...stamps(n),
  firstName: `First ${n}`, lastName: `Last ${n}`, email: `contact${n}@example.com`, account_ID: id(1, 1 + (n % 130)),
})));
write('Activities', rows(100, (n) => ({
  ID: id(3, n), ...stamps(n),
  subject: pick(subjects, n), kind: pick(kinds, n), due: at(n * 60).replace(/\.\d+Z$/, 'Z'),
  minutes: 15 * (1 + (n % 6)), done: n % 3 === 0, account_ID: id(1, 1 + (n % 130)), contact_ID: id(2, 1 + (n % 90)),
})));
write('Cases', rows(60, (n) => ({
  ID: id(4, n), ...stamps(n),
  number: `C-${1000 + n}`, title: `${pick(troubles, n)} (${n})`, status: n % 4 === 0 ? 'closed' : 'open',
  priority: 1 + (n % 3), category: pick(categories, n), account_ID: id(1, 1 + (n % 130)),
})));
write('Products', rows(95, (n) => ({
  number: n * 10, ...stamps(n), name: `${pick(trades, n)} product ${n}`, price: `${n}.2500`,
})));
write('Prices', rows(85, (n) => ({
  priceList: pick(['retail', 'trade', 'export'], n), product: 10 * n, ...stamps(n), amount: `${n + 1}.1250`,
})));
write('Tags', rows(70, (n) => ({ ID: id(7, n), label: `Tag ${n}`, colour: pick(['red', 'green', 'blue'], n) })));
write('Approvals', rows(5, (n) => ({ ID: id(8, n), ...stamps(n), title: `Discount request ${n}`, granted: false })));

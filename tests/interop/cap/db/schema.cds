// A small CRM. The entities differ in what a client that synchronizes has to cope with: kinds of key,
// with and without a modification date, with and without a version to compare.
namespace driftless.interop;

using { cuid, managed } from '@sap/cds/common';

entity Accounts : cuid, managed {
  name     : String(160) @mandatory;
  city     : String(80);
  phone    : String(40);
  rating   : Integer;
  revenue  : Decimal(15, 2);
  founded  : Date;
  active   : Boolean default true;
  contacts : Association to many Contacts on contacts.account = $self;
}

entity Contacts : cuid, managed {
  firstName : String(60);
  lastName  : String(60) @mandatory;
  email     : String(120);
  account   : Association to Accounts;
}

entity Activities : cuid, managed {
  subject  : String(200);
  kind     : String(20);
  due      : DateTime;
  minutes  : Integer;
  done     : Boolean default false;
  account  : Association to Accounts;
  contact  : Association to Contacts;
}

entity Cases : cuid, managed {
  number   : String(20);
  title    : String(200);
  status   : String(20) default 'open';
  priority : Integer default 2;
  category : String(40);
  notes    : LargeString;
  account  : Association to Accounts;
}

// An integer key that the client chooses.
entity Products : managed {
  key number : Integer;
  name       : String(120);
  price      : Decimal(12, 4);
}

// A key of two parts.
entity Prices : managed {
  key priceList : String(20);
  key product   : Integer;
  amount        : Decimal(12, 4);
}

// Neither a modification date nor a version: all a client has is the rows themselves.
entity Tags : cuid {
  label  : String(60);
  colour : String(20);
}

// Read by everyone in sales, written by managers only.
entity Approvals : cuid, managed {
  title   : String(120);
  granted : Boolean default false;
}

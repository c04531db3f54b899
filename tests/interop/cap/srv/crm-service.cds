using { driftless.interop as db } from '../db/schema';

@path: '/odata/v4/crm'
@requires: 'authenticated-user'
service CrmService {
  entity Accounts   as projection on db.Accounts;
  entity Contacts   as projection on db.Contacts;
  entity Activities as projection on db.Activities;
  entity Cases      as projection on db.Cases;
  entity Products   as projection on db.Products;
  entity Prices     as projection on db.Prices;
  entity Tags       as projection on db.Tags;

  @restrict: [
    { grant: 'READ', to: 'sales' },
    { grant: '*', to: 'manager' }
  ]
  entity Approvals  as projection on db.Approvals;
}

annotate CrmService.Accounts   with { modifiedAt @odata.etag };
annotate CrmService.Contacts   with { modifiedAt @odata.etag };
annotate CrmService.Activities with { modifiedAt @odata.etag };
annotate CrmService.Cases      with { modifiedAt @odata.etag; number @readonly };
annotate CrmService.Products   with { modifiedAt @odata.etag };
annotate CrmService.Prices     with { modifiedAt @odata.etag };
annotate CrmService.Approvals  with { modifiedAt @odata.etag };
